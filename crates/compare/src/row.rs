//! One row, from nothing to nothing.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use gearshift_calibrate::Factor;
use gearshift_deploy::{
    Clock, ConditionKind, Facts, Fence, Settings, Shaping, Target, TargetError, Want, World,
    reach_on,
};
use gearshift_gear::{Artefacts, EnvironmentId, Row, UsageLine};
use gearshift_load::{Outcome, Since, near_median};
use gearshift_price::{PriceBook, PriceError};

use gearshift_measure::{
    MeasureError, Subject, Worker, WorkerError, answers, ceiling, cold, counter, latency, loop_ms,
    memory_use, state_kept,
};
use gearshift_quote::{Interval, PerUnit, PricedRow, row_usage};
use gearshift_results::{Latency, RowResult, RowState};

use crate::plan::{Phase, Plan};

/// A loop that takes this much longer or shorter than before means the machine has changed.
const DRIFT_MAX: f64 = 0.10;
/// Before a second look at a machine that seems to have changed.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(1);
/// Between two looks at meters that are late.
const METER_LOOK: std::time::Duration = std::time::Duration::from_secs(5);
/// How much later than a target says its meters may be.
const METERS_MORE: std::time::Duration = std::time::Duration::from_secs(120);
/// How often latency is measured at most.
const ATTEMPTS: u32 = 2;

/// Why a row could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Check(#[from] MeasureError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error("{0} stands without an address")]
    NoUrl(String),
}

/// Everything a row is measured with.
pub(crate) struct RowRun<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) target: &'a dyn Target,
    /// What the target is like for this row; its shaping is the row's own.
    pub(crate) facts: &'a Facts,
    /// What the row runs.
    pub(crate) artefacts: &'a Artefacts,
    /// The row has its share of this machine, and it is a scaled one.
    pub(crate) scaled: bool,
    /// The clock that the target lives by.
    pub(crate) clock: &'a dyn Clock,
    pub(crate) worker: &'a Worker,
    pub(crate) book: &'a PriceBook,
    pub(crate) told: &'a (dyn Fn(Phase) + Sync),
}

/// A measured row, and what break-evens need of it.
pub(crate) struct Measured {
    pub(crate) result: RowResult,
    pub(crate) priced: Option<PricedRow>,
    pub(crate) generator_core_share: f64,
    pub(crate) steal: f64,
}

impl RowRun<'_> {
    /// Starts the row, measures it and takes it down, whatever happens in between.
    pub(crate) async fn measure(&self, row: &Row, factor: &Factor) -> Measured {
        let before_ms = loop_ms().await;
        let measured = match self.stand(row, factor).await {
            Ok(url) => self.measure_standing(row, factor, &url).await,
            Err(error) => Err(error),
        };
        (self.told)(Phase::TakingDown);
        let down = self.take_down().await;
        let mut drift = loop_ms().await / before_ms - 1.0;
        if drift.abs() > DRIFT_MAX {
            // A change lasts; a burst of somebody else's is over.
            tokio::time::sleep(SETTLE).await;
            drift = loop_ms().await / before_ms - 1.0;
        }
        let mut measured = measured.unwrap_or_else(|error| failed(row, &error));
        if let Err(error) = down {
            measured.result.invalidate(&format!("it could not be taken down: {error}"));
        }
        if drift.abs() > DRIFT_MAX && measured.result.state != RowState::Skipped {
            let why = format!("the machine changed by {:.0} % meanwhile", drift * 100.0);
            measured.result.invalidate(&why);
        }
        measured.result.host_drift = Some(drift);
        // Nothing is computed from what cannot be trusted.
        measured.priced = measured.priced.filter(|_| measured.result.state == RowState::Ok);
        measured
    }

    /// What this machine did near the median of a few calls, ms: a second look at a row at the end.
    pub(crate) async fn look_again(&self, row: &Row, factor: &Factor, calls: u64) -> Option<f64> {
        let looked = async {
            let url = self.stand(row, factor).await?;
            let asks = &self.plan.asks.of_row(row);
            let warm = latency::warm_up(self.worker, asks, &url, BTreeSet::new()).await?;
            let outcome =
                self.worker.run(&latency::job(asks, &url, calls, warm.rate_per_s)).await?;
            Ok::<_, RowError>(near_median(&outcome.samples, Since::Intended))
        };
        let split = looked.await.ok().flatten();
        self.take_down().await.ok()?;
        split.map(|split| split.here_ms)
    }

    pub(crate) async fn stand(&self, row: &Row, factor: &Factor) -> Result<String, RowError> {
        (self.told)(Phase::Starting);
        let plan = self.plan;
        let settings = Settings {
            owner: plan.owner.clone(),
            caller: plan.caller,
            physics: plan.physics,
            shaped: true,
            seed: plan.seed,
            core_factor: factor.value,
            share_factor: plan.share_factor(row),
            region: self.book.name().to_owned(),
            init_per_call: plan.init_per_call,
            law_factors: plan.law_factors.clone(),
            ..Settings::default()
        };
        let want = Want::one(row.clone(), settings, self.artefacts.clone());
        let world = self.reach(&want).await?;
        let url = world.rows.get(&row.name).and_then(|standing| standing.url.clone());
        url.ok_or_else(|| RowError::NoUrl(row.name.clone()))
    }

    pub(crate) async fn take_down(&self) -> Result<(), TargetError> {
        self.reach(&Want::nothing()).await.map(|_| ())
    }

    async fn reach(&self, want: &Want) -> Result<World, TargetError> {
        let (fence, patience) = (Fence::at(jiff::Timestamp::now()), self.facts.patience);
        reach_on(self.clock, self.target, &self.plan.run, want, fence, patience).await
    }

    async fn measure_standing(
        &self,
        row: &Row,
        factor: &Factor,
        url: &str,
    ) -> Result<Measured, RowError> {
        let (plan, facts) = (self.plan, self.facts);
        let asks = plan.asks.of_row(row);
        let at = Subject {
            target: self.target,
            facts,
            worker: self.worker,
            run: &plan.run,
            row,
            url,
            asks: &asks,
            core_factor: factor.value,
            core_range: (factor.low, factor.high),
        };
        (self.told)(Phase::Checking);
        let counter = match asks.counter.as_ref() {
            Some(paths) if !asks.own => Some(counter::check(&at, paths).await?),
            _ => None,
        };
        let answers = answers::look(&at).await;
        let keeps = state_kept::look(&at).await?;
        let mut seen = BTreeSet::new();
        let of = plan.cold_starts;
        let told = |done| (self.told)(Phase::ColdStarts { done, of });
        let mut gaps = Vec::new();
        let cold = match facts.arranges(ConditionKind::Cold) {
            Ok(()) => cold::measure(&at, of, &mut seen, &told).await?,
            Err(why) => {
                gaps.push(format!("cold start: {why}"));
                None
            }
        };
        let (latency, usage, outcome) = self.latency(row, url, seen).await?;
        let warm = memory_use::look(&at).await?;
        (self.told)(Phase::Ceiling);
        let ceiling = match ceiling::can_be_measured(&at) {
            Ok(()) => ceiling::measure(&at, latency.as_ref()).await?,
            Err(why) => {
                gaps.push(format!("ceiling: {why}"));
                None
            }
        };
        (self.told)(Phase::Metering);
        let footprint = memory_use::of_one(&at, &warm, &memory_use::look(&at).await?);
        let acknowledged = NonZeroU64::new(outcome.sent).unwrap_or(NonZeroU64::MIN);
        let row_usage = row_usage(row, &usage, acknowledged, &plan.run)?;
        let interval = Interval::of(&row_usage, latency.as_ref(), factor, self.book);
        let shaped = matches!(facts.shaping, Shaping::Shaped { .. });
        let mut result = RowResult {
            state: RowState::Ok,
            gaps,
            counter,
            keeps,
            answers,
            cold,
            latency,
            // Without a share of its own, a row's duration says nothing about the provider's.
            ceiling: ceiling.filter(|_| shaped),
            footprint,
            usage,
            // What is paid by the hour is paid at any speed.
            money: (shaped || (self.scaled && row.has_units())).then(|| interval.money()),
            ..RowResult::empty(row)
        };
        judge(&mut result, &facts.shaping);
        let valid = result.state == RowState::Ok;
        let ceilings = result
            .ceiling
            .iter()
            .flat_map(|ceiling| ceiling.burst.iter().chain([&ceiling.sustained]));
        let generator_core_share = ceilings
            .map(|how_fast| how_fast.generator_core_share)
            .fold(outcome.generator.core_share, f64::max);
        let ceiling = result.ceiling.as_ref().filter(|_| row.has_units()).and_then(PerUnit::of);
        // Without a ceiling nobody knows how many units more traffic takes.
        let limited = ceiling.is_some() || !row.has_units();
        let priced = (valid && shaped && limited).then(|| PricedRow {
            name: row.name.clone(),
            interval,
            ceiling,
        });
        Ok(Measured {
            result,
            priced,
            generator_core_share,
            steal: outcome.steal_share.unwrap_or_default(),
        })
    }

    /// Warms up, measures, and meters just what was measured; once more where the first time could
    /// not be trusted, since a busy moment of this machine is no property of the row.
    pub(crate) async fn latency(
        &self,
        row: &Row,
        url: &str,
        seen: BTreeSet<EnvironmentId>,
    ) -> Result<(Option<Latency>, Vec<UsageLine>, Outcome), RowError> {
        let plan = self.plan;
        let asks = plan.asks.of_row(row);
        let warm = latency::warm_up(self.worker, &asks, url, seen).await?;
        let rate_milli_per_s = (warm.rate_per_s * 1000.0) as u64;
        let job = latency::job(&asks, url, plan.calls, warm.rate_per_s);
        let mut attempts = 0;
        loop {
            attempts += 1;
            (self.told)(Phase::Latency { calls: plan.calls, rate_milli_per_s });
            let before = self.metered(row).await?;
            let outcome = self.worker.run(&job).await?;
            let after = self.metered(row).await?;
            let latency = latency::result(&outcome, &warm, &plan.run, attempts);
            let trusted = latency.as_ref().is_some_and(|latency| latency.verdict.valid);
            if trusted || attempts == ATTEMPTS {
                return Ok((latency, difference(before, after), outcome));
            }
        }
    }

    /// Everything that was used until now, once the target's meters have caught up.
    async fn metered(&self, row: &Row) -> Result<Vec<UsageLine>, TargetError> {
        let until = self.clock.now();
        loop {
            let lines = self.target.usage(&self.plan.run, &row.name).await?;
            if lines.iter().all(|line| line.complete_until >= until) {
                return Ok(lines);
            }
            if self.clock.since(until) > self.facts.usage_lag + METERS_MORE {
                return Err(TargetError::Failed {
                    what: format!("metering {}", row.name),
                    why: format!(
                        "usage is not complete {} s later",
                        self.clock.since(until).as_secs()
                    ),
                    next: "gearshift compare again, later".to_owned(),
                });
            }
            self.clock.wait(METER_LOOK).await;
        }
    }
}

fn judge(result: &mut RowResult, shaping: &Shaping) {
    let mut reasons = Vec::new();
    if let Some(counter) = result.counter.as_ref().filter(|counter| !counter.holds) {
        reasons.push(format!("the counter is wrong: {}", counter.reasons.join(", ")));
    }
    let verdicts = [
        ("cold starts", result.cold.as_ref().map(|cold| &cold.verdict)),
        ("latency", result.latency.as_ref().map(|latency| &latency.verdict)),
    ];
    for (what, verdict) in verdicts {
        match verdict {
            Some(verdict) => {
                reasons.extend(verdict.reasons.iter().map(|why| format!("{what}: {why}")));
            }
            // What cannot be arranged here is a gap, which its own sentence tells.
            None if result.gaps.iter().any(|gap| what.starts_with(gap_of(gap))) => {}
            None => reasons.push(format!("{what}: no good answer")),
        }
    }
    let ceilings =
        result.ceiling.iter().flat_map(|ceiling| ceiling.burst.iter().chain([&ceiling.sustained]));
    let failed: u64 = ceilings.map(|how_fast| how_fast.failed).sum();
    if failed > 0 {
        reasons.push(format!("ceiling: {failed} calls failed under full load"));
    }
    if let Shaping::Unshaped { why, how_to_get_it } = shaping {
        result.state = RowState::Unshaped;
        result.reason = Some(why.clone());
        result.command = Some(how_to_get_it.clone());
    }
    if !reasons.is_empty() {
        result.invalidate(&reasons.join("; "));
    }
}

/// What a gap is in.
fn gap_of(gap: &str) -> &str {
    gap.split(':').next().unwrap_or(gap)
}

/// What was used between two readings of the same meters.
fn difference(before: Vec<UsageLine>, after: Vec<UsageLine>) -> Vec<UsageLine> {
    let earlier =
        |line: &UsageLine| before.iter().find(|earlier| earlier.dimension == line.dimension);
    after
        .into_iter()
        .map(|mut line| {
            if let Some(earlier) = earlier(&line) {
                line.quantity -= earlier.quantity;
                line.window.0 = earlier.window.1;
            }
            line
        })
        .collect()
}

pub(crate) fn failed(row: &Row, error: &RowError) -> Measured {
    let mut result = RowResult::empty(row);
    match error {
        // Not tried at all: skipped, like a row that misses something.
        RowError::Target(TargetError::Refused { why }) => {
            result.reason = Some(why.clone());
            result.command = Some("gearshift doctor".to_owned());
        }
        tried => result.invalidate(&tried.to_string()),
    }
    Measured { result, priced: None, generator_core_share: 0.0, steal: 0.0 }
}
