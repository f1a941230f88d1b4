//! A latency taken apart: here and declared, and part by part.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sample, Since};

/// What the calls near the median were made of. Means over the middle 10 % of calls by latency, so
/// that `here_ms` + `declared_ms` = `total_ms` and neither tail counts; to be shown beside the
/// percentile, never instead of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Split {
    /// Calls near the median, at least 1.
    pub n: u64,
    /// Out of this many acknowledged calls.
    pub of: u64,
    pub since: Since,
    pub total_ms: f64,
    /// What this machine did under the gear's own share. Below 0 only if a target declares more
    /// than it waited.
    pub here_ms: f64,
    /// What laws added inside the answer.
    pub declared_ms: f64,
    /// Laws not waited out; not inside `total_ms`.
    pub accounted_ms: f64,
    /// `total_ms` + `accounted_ms`: what the caller of a cold start would see.
    pub total_with_accounted_ms: f64,
    /// By name, then kind.
    pub parts: Vec<PartMean>,
}

/// One named part, over the same calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartMean {
    pub name: String,
    /// `declared`, `accounted`, `late` or `measured`.
    pub kind: String,
    /// Mean over all `n` calls, those without the part counting as 0.
    pub ms: f64,
    /// How many of the calls had it.
    pub n: u64,
}

/// Splits the middle 10 % of acknowledged samples by latency (the 45th to the 55th percentile, ends
/// widened to whole calls). None without an acknowledged sample.
pub fn near_median(samples: &[Sample], since: Since) -> Option<Split> {
    let mut good: Vec<&Sample> = samples.iter().filter(|s| s.is_acknowledged()).collect();
    good.sort_by_key(|sample| sample.latency_us(since));
    let of = good.len();
    // Whole numbers: 45 % down and 55 % up, without the surprises of floating point.
    let middle = &good[of * 45 / 100..(of * 55).div_ceil(100)];
    if middle.is_empty() {
        return None;
    }
    let n = middle.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| middle.iter().map(|s| of(s)).sum::<f64>() / n;
    let total_ms = mean(&|s| s.total_ms(since));
    let declared_ms = mean(&|s| s.declared_ms());
    let accounted_ms = mean(&|s| s.accounted_ms());
    Some(Split {
        n: middle.len() as u64,
        of: of as u64,
        since,
        total_ms,
        here_ms: total_ms - declared_ms,
        declared_ms,
        accounted_ms,
        total_with_accounted_ms: total_ms + accounted_ms,
        parts: part_means(middle),
    })
}

fn part_means(samples: &[&Sample]) -> Vec<PartMean> {
    let mut parts: BTreeMap<(&str, &'static str), (f64, u64)> = BTreeMap::new();
    for sample in samples {
        let mut own: BTreeMap<(&str, &'static str), f64> = BTreeMap::new();
        for part in &sample.timing.parts {
            *own.entry((&part.name, part.kind.word())).or_default() += part.ms;
        }
        for (key, ms) in own {
            let (sum, n) = parts.entry(key).or_default();
            *sum += ms;
            *n += 1;
        }
    }
    let all = samples.len() as f64;
    parts
        .into_iter()
        .map(|((name, kind), (sum, n))| PartMean {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ms: sum / all,
            n,
        })
        .collect()
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
