//! Functions at several sizes.

use gearshift_gear::{Known, Row};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RowState;

/// One function at several sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemorySweep {
    pub row: String,
    /// By rising memory.
    pub points: Vec<MemoryPoint>,
    /// Of the points that are ok: the least money per million calls.
    pub cheapest_mb: Option<u32>,
    /// The lowest median latency.
    pub fastest_mb: Option<u32>,
}

/// A function with this much memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryPoint {
    pub memory_mb: u32,
    pub state: RowState,
    /// Why it is not ok.
    pub reason: Option<String>,
    pub p50_ms: Option<Known<f64>>,
    /// Mean over the measurement's calls, each rounded up to a whole millisecond.
    pub billed_ms: Option<Known<f64>>,
    pub million_usd: Option<Known<Decimal>>,
}

impl MemorySweep {
    /// Of the points that were measured: which is cheapest, which fastest.
    pub fn of(row: &Row, points: Vec<MemoryPoint>) -> Self {
        let ok = || points.iter().filter(|point| point.state == RowState::Ok);
        let cheapest = ok()
            .filter_map(|point| Some((point.million_usd.as_ref()?.value, point.memory_mb)))
            .min();
        let fastest = ok()
            .filter_map(|point| Some((point.p50_ms.as_ref()?.value, point.memory_mb)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            row: row.name.clone(),
            cheapest_mb: cheapest.map(|(_, mb)| mb),
            fastest_mb: fastest.map(|(_, mb)| mb),
            points,
        }
    }
}

#[cfg(test)]
mod tests {
    use gearshift_gear::{CATALOGUE, Origin};

    use super::*;

    fn point(memory_mb: u32, p50_ms: f64, cents: i64, state: RowState) -> MemoryPoint {
        let origin = || Origin::Assumed("a test".into());
        MemoryPoint {
            memory_mb,
            state,
            reason: None,
            p50_ms: Some(Known::new(p50_ms, origin())),
            billed_ms: None,
            million_usd: Some(Known::new(Decimal::new(cents, 2), origin())),
        }
    }

    #[test]
    fn the_cheapest_and_the_fastest_are_among_the_points_that_are_ok() {
        let row = CATALOGUE.row("lambda-rust-dynamodb").unwrap();
        let sweep = MemorySweep::of(
            row,
            vec![
                point(128, 40.0, 250, RowState::Ok),
                point(256, 20.0, 240, RowState::Ok),
                point(512, 19.0, 300, RowState::Ok),
                point(1024, 5.0, 100, RowState::Invalid),
            ],
        );
        assert_eq!((sweep.cheapest_mb, sweep.fastest_mb), (Some(256), Some(512)));
        assert_eq!(MemorySweep::of(row, Vec::new()).cheapest_mb, None);
    }
}
