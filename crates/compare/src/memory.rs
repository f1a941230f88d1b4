//! Functions over their memory, which sets their share of a vCPU and their price per second.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use gearshift_calibrate::Factor;
use gearshift_deploy::Shaping;
use gearshift_gear::Row;

use gearshift_quote::{Interval, billed_ms, row_usage};
use gearshift_results::{MemoryPoint, MemorySweep, RowResult, RowState};

use crate::plan::Phase;
use crate::row::{RowError, RowRun, failed};

impl RowRun<'_> {
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
        let mut result = RowResult::empty(row);
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
            result.invalidate(&why)
        }
        None => result.invalidate("no good answer"),
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
