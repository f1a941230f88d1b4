//! Exact, distribution-free statistics over a slice.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A percentile, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Percentile {
    /// In the unit of what it was taken over.
    Value(f64),
    /// `n` values do not support it; `needs` would. Shown as `n<200`.
    TooFew { n: u64, needs: u64 },
}

impl Percentile {
    /// The value, if there is one.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::TooFew { .. } => None,
        }
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => fmt::Display::fmt(value, f),
            Self::TooFew { needs, .. } => write!(f, "n<{needs}"),
        }
    }
}

/// How many values the percentile at `q` (0 to 1) needs before it is shown.
///
/// - p99 needs 200 and p99.9 needs 1,000: promise 4 of the design.
/// - Up to p99 the same measure as p99's: two values expected beyond it, so p95 needs 40 and p90
///   needs 20. Beyond p99 one value, as p99.9's.
/// - Never fewer than 6: the fewest for which a 95 % interval of the median exists
///   (1 − 2·0.5⁶ = 96.9 %; with 5 values it is 93.8 %). So p50 needs 6.
///
/// `q` = 1, the maximum, needs 1: it claims nothing beyond the values seen.
pub fn needed(q: f64) -> u64 {
    if q >= 1.0 {
        return 1;
    }
    let tail = (1.0 - q).min(q.max(f64::MIN_POSITIVE));
    let beyond = if tail < 0.01 - 1e-9 { 1.0 } else { 2.0 };
    // Less a hair: 2 / (1 − 0.99) is 200.000…02 in floating point.
    let needs = (beyond / tail - 1e-6).ceil();
    (needs as u64).max(6)
}

/// The percentile at `q` (0 to 1): the smallest value with at least `q` of all values at or below
/// it (nearest rank), so always a value that occurred. `values` in any order; none may be NaN.
pub fn percentile(values: &[f64], q: f64) -> Percentile {
    let n = values.len() as u64;
    let needs = needed(q);
    if n < needs {
        return Percentile::TooFew { n, needs };
    }
    Percentile::Value(sorted(values)[rank(q, values.len())])
}

/// Index of the nearest rank among `n` ≥ 1 sorted values.
pub(crate) fn rank(q: f64, n: usize) -> usize {
    // Less a hair: 0.07 · 100 is 7.000…01 in floating point.
    let rank = (q * n as f64 - 1e-9).ceil() as usize;
    rank.clamp(1, n) - 1
}

/// An interval of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// The least probability with which such an interval holds the true value, 0 to 1.
    pub confidence: f64,
}

/// The interval of the median at `confidence` (such as 0.95); none if there are too few values.
pub fn median_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    quantile_interval(values, 0.5, confidence)
}

/// The interval between two order statistics that holds the true quantile at `q` with at least
/// `confidence`, whatever the distribution: how many of `n` values lie below the true quantile is
/// binomial (n, q). None if even the extremes do not reach that far. `values` in any order and
/// independent of each other; none may be NaN.
pub fn quantile_interval(values: &[f64], q: f64, confidence: f64) -> Option<Interval> {
    let (n, each_side) = (values.len(), (1.0 - confidence) / 2.0);
    // Ranks count from 1: P(low is above the quantile) = P(X < low rank), and so on.
    let mut low = None;
    let mut high = None;
    let mut below = 0.0;
    for (k, mass) in binomial(n, q).enumerate() {
        // Here `below` is P(X < k).
        if k >= 1 && below <= each_side {
            low = Some((k, below));
        }
        let above = (1.0 - below).max(0.0);
        if k >= 1 && high.is_none() && above <= each_side {
            high = Some((k, above));
        }
        below += mass;
    }
    let ((low, missed_below), (high, missed_above)) = (low?, high?);
    let sorted = sorted(values);
    Some(Interval {
        low: sorted[low - 1],
        high: sorted[high - 1],
        confidence: 1.0 - missed_below - missed_above,
    })
}

/// P(X = 0), P(X = 1), … P(X = n) of a binomial; through logarithms, since 0.5ⁿ leaves f64's range
/// beyond n = 1,074.
fn binomial(n: usize, q: f64) -> impl Iterator<Item = f64> {
    let odds = (q / (1.0 - q)).ln();
    let mut ln_mass = n as f64 * (1.0 - q).ln();
    (0..=n).map(move |k| {
        let mass = ln_mass.exp();
        ln_mass += ((n - k) as f64 / (k + 1) as f64).ln() + odds;
        mass
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
