//! Functions over their memory, which sets their share of a vCPU and their price per second.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use gearshift_calibrate::Factor;
use gearshift_deploy::Shaping;
use gearshift_gear::{Dimension, Known, Row};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Interval, row_usage};
use crate::plan::Phase;
use crate::results::{RowResult, RowState};
use crate::row::{Bench, RowError, empty, failed, invalidate};

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
    pub(crate) fn of(row: &Row, points: Vec<MemoryPoint>) -> Self {
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

/// Milliseconds per call that the provider would bill a function of this size for.
pub(crate) fn billed_ms(result: &RowResult, memory_mb: u32) -> Option<Known<f64>> {
    let used = result.usage.iter().find(|line| line.dimension == Dimension::FunctionGbSecond)?;
    let calls = result.usage.iter().find(|line| line.dimension == Dimension::FunctionRequest)?;
    let (gb_s, calls_n) = (used.quantity.to_f64()?, calls.quantity.to_f64()?);
    let ms = gb_s / (f64::from(memory_mb) / 1024.0) / calls_n * 1e3;
    Some(Known::new(ms, result.latency.as_ref()?.p50_ms.origin.clone()))
}

impl Bench<'_> {
    /// Measures the row at each of the plan's sizes.
    pub(crate) async fn sweep(&self, row: &Row, factor: &Factor) -> MemorySweep {
        let mut sizes = self.plan.sweep_mb.clone();
        sizes.sort_unstable();
        let mut points = Vec::new();
        for mb in sizes {
            (self.told)(Phase::Memory { mb });
            points.push(self.at_memory(row, mb, factor).await);
        }
        MemorySweep::of(row, points)
    }

    /// Measures the row with this much memory and takes it down.
    async fn at_memory(&self, row: &Row, memory_mb: u32, factor: &Factor) -> MemoryPoint {
        let row = row.clone().with_function_memory_mb(memory_mb);
        let measured = self.warm_only(&row, factor).await;
        (self.told)(Phase::TakingDown);
        let down = self.take_down().await;
        let mut point = match measured {
            Ok(mut result) => {
                judge(&mut result, &self.facts.shaping);
                point_of(&result, memory_mb)
            }
            Err(error) => point_of(&failed(&row, &error).result, memory_mb),
        };
        if let Err(error) = down {
            point.state = RowState::Invalid;
            point.reason = Some(format!("it could not be taken down: {error}"));
        }
        point
    }

    async fn warm_only(&self, row: &Row, factor: &Factor) -> Result<RowResult, RowError> {
        let url = self.stand(row, factor).await?;
        let (latency, usage, outcome) = self.latency(row, &url, BTreeSet::new()).await?;
        let calls = NonZeroU64::new(outcome.sent).unwrap_or(NonZeroU64::MIN);
        let priced = row_usage(row, &usage, calls, &self.plan.run)?;
        let money = Interval::of(&priced, latency.as_ref(), factor, self.book).money();
        let mut result = empty(row);
        result.state = RowState::Ok;
        (result.latency, result.usage, result.money) = (latency, usage, Some(money));
        Ok(result)
    }
}

fn judge(result: &mut RowResult, shaping: &Shaping) {
    if let Shaping::Unshaped { why, .. } = shaping {
        result.state = RowState::Unshaped;
        result.reason = Some(why.clone());
    }
    match &result.latency {
        Some(latency) if latency.verdict.valid => {}
        Some(latency) => {
            let why = latency.verdict.reasons.join(", ");
            invalidate(result, &why)
        }
        None => invalidate(result, "no good answer"),
    }
}

fn point_of(result: &RowResult, memory_mb: u32) -> MemoryPoint {
    let shaped = result.state != RowState::Unshaped;
    MemoryPoint {
        memory_mb,
        state: result.state,
        reason: result.reason.clone(),
        p50_ms: result.latency.as_ref().map(|latency| latency.p50_ms.clone()),
        billed_ms: billed_ms(result, memory_mb).filter(|_| shaped),
        million_usd: result
            .money
            .as_ref()
            .and_then(|money| money.million_usd.clone())
            .filter(|_| shaped),
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
