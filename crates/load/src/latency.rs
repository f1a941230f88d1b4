//! A distribution of durations, mergeable.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Percentile, needed};

/// Histograms reach from 1 µs to 60 s with three digits; what is outside counts at the end.
const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 60_000_000;
const DIGITS: u8 = 3;

/// The curve's points: 30, evenly spaced in the logarithm of 1 − q, from the minimum to p99.99.
const CURVE_POINTS: u32 = 30;
const CURVE_DECADES: f64 = 4.0;

/// A distribution in µs, to three digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Durations recorded.
    pub n: u64,
    pub p50_us: Percentile,
    pub p90_us: Percentile,
    pub p95_us: Percentile,
    pub p99_us: Percentile,
    pub p999_us: Percentile,
    /// The longest, exactly; 0 if there is none.
    pub max_us: u64,
    /// For plots: as far as `n` reaches, at most 30 points.
    pub curve: Vec<CurvePoint>,
    /// Duration in µs and how many had it, ascending; what merging is done from.
    pub buckets: Vec<(u64, u64)>,
}

/// One point of a percentile curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// 0 to 1.
    pub q: f64,
    pub us: u64,
}

impl Latency {
    /// The percentile at `q` (0 to 1), by the same rule as [`crate::percentile`], to three digits.
    pub fn percentile(&self, q: f64) -> Percentile {
        at(&self.histogram(), q)
    }

    /// Adds another distribution to this one.
    pub fn merge(&mut self, other: &Self) {
        let mut gauge = Gauge { histogram: self.histogram(), max_us: self.max_us };
        for &(us, n) in &other.buckets {
            gauge.histogram.saturating_record_n(us, n);
        }
        gauge.max_us = gauge.max_us.max(other.max_us);
        *self = gauge.latency();
    }

    fn histogram(&self) -> Histogram<u64> {
        let mut histogram = empty();
        for &(us, n) in &self.buckets {
            histogram.saturating_record_n(us, n);
        }
        histogram
    }
}

/// A distribution that is being recorded.
pub(crate) struct Gauge {
    histogram: Histogram<u64>,
    max_us: u64,
}

impl Gauge {
    pub(crate) fn new() -> Self {
        Self { histogram: empty(), max_us: 0 }
    }

    pub(crate) fn record(&mut self, us: u64) {
        self.histogram.saturating_record(us.max(LOWEST_US));
        self.max_us = self.max_us.max(us);
    }

    pub(crate) fn latency(&self) -> Latency {
        let histogram = &self.histogram;
        let buckets = histogram
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()));
        Latency {
            n: histogram.len(),
            p50_us: at(histogram, 0.5),
            p90_us: at(histogram, 0.9),
            p95_us: at(histogram, 0.95),
            p99_us: at(histogram, 0.99),
            p999_us: at(histogram, 0.999),
            max_us: self.max_us,
            curve: curve(histogram),
            buckets: buckets.collect(),
        }
    }
}

fn at(histogram: &Histogram<u64>, q: f64) -> Percentile {
    let (n, needs) = (histogram.len(), needed(q));
    if n < needs {
        return Percentile::TooFew { n, needs };
    }
    Percentile::Value(histogram.value_at_quantile(q) as f64)
}

fn curve(histogram: &Histogram<u64>) -> Vec<CurvePoint> {
    tails(histogram.len())
        .map(|tail| CurvePoint { q: 1.0 - tail, us: histogram.value_at_quantile(1.0 - tail) })
        .collect()
}

/// The curve's points as 1 − q, falling, as far as `n` values reach.
pub(crate) fn tails(n: u64) -> impl Iterator<Item = f64> {
    (0..CURVE_POINTS)
        .map(|i| 10f64.powf(-CURVE_DECADES * f64::from(i) / f64::from(CURVE_POINTS - 1)))
        // Beyond one value in n there is nothing but the maximum.
        .take_while(move |tail| tail * n as f64 >= 1.0 - 1e-9)
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS)
        .expect("1 µs to 60 s at three digits are bounds a histogram can have")
}

#[cfg(test)]
#[path = "latency_tests.rs"]
mod tests;
