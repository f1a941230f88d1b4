//! Latency: open loop at a fixed rate, warm.

use std::collections::BTreeSet;

use gearshift_gear::{EnvironmentId, Known, LawId, Origin, RunId};
use gearshift_load::{
    Criteria, Job, Mode, Outcome, Percentile, Since, Temperature, TemperatureCheck,
    along_percentiles, judge, median_interval, near_median,
};

use crate::Asks;
use crate::{Worker, WorkerError};
use gearshift_results::{Latency, PartMs};

/// The rate where nothing speaks against it, per second.
const RATE_PER_S: f64 = 10.0;
/// Most of the time one environment may be busy at the chosen rate.
const BUSY_SHARE: f64 = 0.5;
/// Connections that are opened, and with functions environments that are warm, before measuring.
const WARM: usize = 4;
const WARM_UP_CALLS: u64 = 24;

/// What warming up showed.
pub struct Warm {
    pub rate_per_s: f64,
    pub seen: BTreeSet<EnvironmentId>,
}

/// Warms the row and chooses the rate: 10/s, less where one environment would be busy more than
/// half the time.
pub async fn warm_up(
    worker: &Worker,
    asks: &Asks,
    url: &str,
    mut seen: BTreeSet<EnvironmentId>,
) -> Result<Warm, WorkerError> {
    let warm = |connections, calls| {
        let mode = Mode::Closed { connections, calls: Some(calls), duration_ms: None };
        asks.job(url, mode)
    };
    let first = worker.run(&warm(WARM, WARM_UP_CALLS)).await?;
    // One at a time: what a call takes without waiting for others.
    let alone = worker.run(&warm(1, WARM_UP_CALLS / 2)).await?;
    for outcome in [&first, &alone] {
        seen.extend(outcome.samples.iter().filter_map(|s| s.timing.environment.clone()));
    }
    let busy_s = alone.from_sent.percentile(0.5).value().unwrap_or(0.0) / 1e6;
    let rate = if busy_s > 0.0 { (BUSY_SHARE / busy_s).min(RATE_PER_S) } else { RATE_PER_S };
    // Two digits: the rate is printed, and a printed rate is the real one.
    Ok(Warm { rate_per_s: (rate * 100.0).floor().max(1.0) / 100.0, seen })
}

/// The job of the measurement.
pub fn job(asks: &Asks, url: &str, calls: u64, rate_per_s: f64) -> Job {
    let mode = Mode::Open { rate_per_s, calls, connections_max: 64 };
    asks.job(url, mode)
}

/// What the outcome says.
pub fn result(outcome: &Outcome, warm: &Warm, run: &RunId, attempts: u32) -> Option<Latency> {
    let split = near_median(&outcome.samples, Since::Intended)?;
    let totals: Vec<f64> = outcome
        .samples
        .iter()
        .filter(|sample| sample.is_acknowledged())
        .map(|sample| sample.total_ms(Since::Intended))
        .collect();
    let measured = Origin::Measured { run: run.clone(), n: totals.len() as u64 };
    let laws: Vec<Origin> = split
        .parts
        .iter()
        .filter(|part| part.kind == "declared")
        .map(|part| Origin::Declared(LawId(part.name.clone())))
        .collect();
    let both = Origin::computed(laws.iter().cloned().chain([measured.clone()]));
    let ms = |percentile: Percentile| match percentile {
        Percentile::Value(us) => Percentile::Value(us / 1e3),
        few => few,
    };
    let p50 = outcome.from_intended.p50_us.value()? / 1e3;
    let p50_ms = Known::new(p50, both);
    let p50_ms = match median_interval(&totals, 0.95) {
        Some(interval) => p50_ms.within(interval.low, interval.high),
        None => p50_ms,
    };
    let temperature = TemperatureCheck::over(&outcome.samples, Temperature::Warm, &warm.seen);
    // The p99 of a short run is not asked for: its cell reads `n<200`.
    let asked =
        Criteria { percentiles: vec![0.5], errors_expected: 0, temperature: Some(temperature) };
    Some(Latency {
        rate_per_s: warm.rate_per_s,
        n: totals.len() as u64,
        attempts,
        p50_ms,
        here_ms: Known::new(split.here_ms, measured),
        declared_ms: Known::new(split.declared_ms, Origin::computed(laws)),
        p90_ms: ms(outcome.from_intended.p90_us),
        p99_ms: ms(outcome.from_intended.p99_us),
        max_ms: outcome.from_intended.max_us as f64 / 1e3,
        parts: split
            .parts
            .into_iter()
            .map(|part| PartMs { name: part.name, kind: part.kind, ms: part.ms })
            .collect(),
        curve: outcome.from_intended.curve.clone(),
        spread: along_percentiles(&outcome.samples, Since::Intended),
        verdict: judge(outcome, &asked),
    })
}

#[cfg(test)]
mod tests {
    use gearshift_gear::PartKind::Declared;
    use gearshift_load::testing;

    use super::*;

    #[test]
    fn the_curve_is_taken_apart_as_the_median_is() {
        let call =
            |ms: u64| testing::with_parts(ms * 1_000, &[("net.cross_az_rtt", 1.0, Declared)]);
        let outcome = testing::outcome((1..=200).map(call));
        let warm = Warm { rate_per_s: 10.0, seen: BTreeSet::new() };
        let latency = result(&outcome, &warm, &RunId::from_number(1), 1).unwrap();
        let at = |q: f64| latency.spread.iter().find(|point| point.q == q).unwrap();
        assert_eq!(at(0.5).total_ms, latency.p50_ms.value.round());
        assert_eq!([0.0, 0.5, 0.9, 0.99].map(|q| at(q).declared_ms), [1.0; 4]);
        assert_eq!(at(0.99).here_ms, 197.0);
    }
}
