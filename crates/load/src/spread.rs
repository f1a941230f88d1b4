//! A distribution taken apart: here and declared along its percentiles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::latency::tails;
use crate::stats::rank;
use crate::{Sample, Since, needed};

/// Percentiles people ask for, beside the evenly spaced ones of a curve.
const ROUND: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// A point is a mean over calls up to this share of all away in rank, on either side.
const NEAR_SHARE: usize = 40;
/// And over at most one in so many of the calls on its shorter side, so that no end is blurred.
const SIDE_SHARE: usize = 4;

/// What the calls near one percentile were made of, ms.
///
/// Means over the calls next to it in rank: up to 2.5 % of all calls on either side, and no more
/// than a quarter of the calls beyond it, so that the last points of a tail are single calls.
/// `here_ms` + `declared_ms` = `total_ms`. To be shown beside the percentile, never instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitAt {
    /// 0 to 1.
    pub q: f64,
    /// Calls the means are over, at least 1.
    pub n: u64,
    pub total_ms: f64,
    /// What this machine did; below 0 only if a target declares more than it waited.
    pub here_ms: f64,
    /// What laws added inside the answer.
    pub declared_ms: f64,
}

/// Splits acknowledged samples at the points of [`crate::Latency`]'s curve and at p50, p90, p99 and
/// p99.9 where there are calls enough for them; ascending. Empty without an acknowledged sample.
pub fn along_percentiles(samples: &[Sample], since: Since) -> Vec<SplitAt> {
    let mut good: Vec<&Sample> = samples.iter().filter(|s| s.is_acknowledged()).collect();
    good.sort_by_key(|sample| sample.latency_us(since));
    let n = good.len() as u64;
    let round = ROUND.into_iter().filter(|q| n >= needed(*q));
    let mut points: Vec<f64> = tails(n).map(|tail| 1.0 - tail).chain(round).collect();
    points.sort_by(f64::total_cmp);
    points.into_iter().map(|q| split_at(&good, q, since)).collect()
}

fn split_at(sorted: &[&Sample], q: f64, since: Since) -> SplitAt {
    let at = rank(q, sorted.len());
    let beyond = sorted.len() - 1 - at;
    let reach = (sorted.len() / NEAR_SHARE).min(beyond.min(at) / SIDE_SHARE);
    let near = &sorted[at - reach..=at + reach];
    let mean =
        |of: &dyn Fn(&Sample) -> f64| near.iter().map(|s| of(s)).sum::<f64>() / near.len() as f64;
    let (total_ms, declared_ms) = (mean(&|s| s.total_ms(since)), mean(&|s| s.declared_ms()));
    SplitAt { q, n: near.len() as u64, total_ms, here_ms: total_ms - declared_ms, declared_ms }
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
