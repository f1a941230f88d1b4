//! What a service must hold, and which row misses it.

use gearshift_load::Percentile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RowResult;

/// Bounds in ms, at the rate at which latency is measured; none: not asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slo {
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Median of the cold starts.
    pub cold_ms: Option<f64>,
}

impl Slo {
    /// One sentence for each bound this row misses, or of which too little is known.
    pub fn missed(&self, row: &RowResult) -> Vec<String> {
        let latency = row.latency.as_ref();
        let cold = row.cold.as_ref().map(|cold| cold.p50_ms.value);
        let over = |what: &str, bound: Option<f64>, found: Option<f64>| {
            let (bound, found) = (bound?, found?);
            (found > bound).then(|| format!("{what} {found:.1} ms, allowed {bound} ms"))
        };
        let p99 = latency.map(|latency| &latency.p99_ms);
        let unknown = match (self.p99_ms, p99) {
            (Some(_), Some(Percentile::TooFew { .. })) => {
                Some("p99 is not known from so few calls (compare.calls = 200 or more)".to_owned())
            }
            _ => None,
        };
        let p99 = p99.and_then(|p99| p99.value());
        [
            over("p50", self.p50_ms, latency.map(|latency| latency.p50_ms.value)),
            over("p99", self.p99_ms, p99),
            unknown,
            over("cold start", self.cold_ms, cold),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
