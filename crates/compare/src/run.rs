//! All rows, one after the other, and what only all together say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use gearshift_calibrate::{Factor, provider_of};
use gearshift_deploy::{Clock, Facts, Shaping, Target};
use gearshift_gear::{CATALOGUE, Missing, Row};
use gearshift_laws::{Laws, LawsError, SourceLine};
use gearshift_price::winners;
use jiff::Timestamp;

use gearshift_measure::{Speed, Worker, core_line, machine};
use gearshift_quote::{End, PricedRow, break_even, shifting};
use gearshift_results::{
    Checks, Core, MemorySweep, Overhead, Pair, Results, RowResult, RowState, SCHEMA, differences,
    published_2021,
};

use crate::plan::{Phase, Plan, Progress};
use crate::provision::{Provided, Provision};
use crate::row::{Measured, RowRun};

/// Volumes over which the cheapest row is looked for, calls a month.
const VOLUMES: std::ops::Range<u64> = 1..1_000_000_000;

/// Why a comparison could not begin. What goes wrong later stands in its row.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error(transparent)]
    Laws(#[from] LawsError),
}

/// Compares the plan's rows and leaves nothing standing. `overhead` is what the target adds to a
/// call, where somebody measured it; `clock` is the one that the target lives by.
pub async fn compare(
    plan: &Plan,
    target: &dyn Target,
    provision: &dyn Provision,
    worker: &Worker,
    overhead: Option<Overhead>,
    clock: &dyn Clock,
    told: &(dyn Fn(Progress) + Sync),
) -> Result<Results, CompareError> {
    let (started, began) = (Timestamp::now(), Instant::now());
    let book = &plan.book;
    told(Progress { row: String::new(), of: (0, plan.rows.len()), phase: Phase::Preparing });
    let speed = Speed::measure(&plan.cache);
    let mut found = Found::default();
    let (ready, others): (Vec<&Row>, _) = plan.rows.iter().partition(|row| provision.is_ready(row));
    for (index, row) in ready.into_iter().chain(others).enumerate() {
        let told = |phase| {
            told(Progress { row: row.name.clone(), of: (index + 1, plan.rows.len()), phase });
        };
        let factor = speed.matched(row, plan.match_vcpu);
        match ready_to_run(row, target, provision).await {
            Ok((facts, provided)) => {
                let scaled = is_scaled(plan, row, &facts.shaping);
                let shaping = if scaled { at_a_share(plan, row) } else { facts.shaping.clone() };
                let (facts, told) = (&Facts { shaping, ..facts }, &told);
                let artefacts = &provided.artefacts;
                let row_run =
                    RowRun { plan, target, facts, artefacts, scaled, clock, worker, book, told };
                let mut measured = row_run.measure(row, &factor).await;
                measured.result.runtime = provided.runtime.clone();
                if row.function_memory_mb().is_some() && !plan.sweep_mb.is_empty() {
                    found.memory.push(row_run.sweep(row, &factor).await);
                }
                found.add(row, measured, facts, factor);
            }
            Err(missing) => found.rows.push(skipped(row, missing)),
        }
    }
    if !plan.quick {
        let again = found.first(plan);
        let ready = match again {
            Some(row) => ready_to_run(row, target, provision).await.ok(),
            None => None,
        };
        if let (Some(row), Some((facts, provided))) = (again, &ready) {
            let (told, artefacts) = (&|_| (), &provided.artefacts);
            let scaled = is_scaled(plan, row, &facts.shaping);
            let row_run =
                RowRun { plan, target, facts, artefacts, scaled, clock, worker, book, told };
            found.look_again(row, &row_run, &speed).await;
        }
    }
    found.in_order_of(plan);
    for row in &mut found.rows {
        row.slo_missed = plan.slo.as_ref().map(|slo| slo.missed(row)).unwrap_or_default();
    }
    let laws = found.laws(plan)?;
    let shaping = match found.shaping.clone() {
        Some(shaping) => Some(shaping),
        None => any_shaping(target).await,
    };
    let mut results = Results {
        schema: SCHEMA.to_owned(),
        run: plan.run.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        seconds: began.elapsed().as_secs_f64(),
        on: found.target.clone().unwrap_or_else(|| "twin".to_owned()),
        service: plan.service.clone(),
        slo: plan.slo.clone(),
        machine: machine(shaping.as_ref()),
        cores: found.cores.values().cloned().collect(),
        seed: plan.seed,
        caller: plan.caller,
        region: book.name().to_owned(),
        prices_of: book.published().to_string(),
        physics: plan.physics,
        memory: found.memory.clone(),
        init_per_call: plan.init_per_call,
        calls: plan.calls,
        laws_assumed: laws.iter().filter(|law| !law.assumed.is_empty()).count(),
        laws,
        overhead,
        checks: found.checks(),
        winners: found.winners(),
        differences: differences(&found.rows),
        break_evens: found.break_evens(),
        published: match plan.asks.own {
            // Published figures are of another service.
            true => Vec::new(),
            false => published_2021(&found.rows),
        },
        shifting: None,
        rows: found.rows,
    };
    results.shifting = shifting(&results, book, &plan.shape).ok();
    Ok(results)
}

/// What the target is like for a row, and what the row runs there.
async fn ready_to_run(
    row: &Row,
    target: &dyn Target,
    provision: &dyn Provision,
) -> Result<(Facts, Provided), Missing> {
    let facts = target.facts(row).await?;
    let provided = provision.provide(row, &facts.accepts).await?;
    Ok((facts, provided))
}

/// Whether a row's shares are enforced, and scaled to fit this machine.
fn is_scaled(plan: &Plan, row: &Row, shaping: &Shaping) -> bool {
    plan.share_factor(row) < 1.0 && matches!(shaping, Shaping::Shaped { .. })
}

/// A row that has less than its own shares: its speed says nothing.
fn at_a_share(plan: &Plan, row: &Row) -> Shaping {
    let factor = plan.share_factor(row);
    Shaping::Unshaped {
        why: format!("its CPU shares are multiplied by {factor} to fit this machine"),
        how_to_get_it: "a machine with more cores".to_owned(),
    }
}

fn skipped(row: &Row, missing: Missing) -> RowResult {
    let mut result = RowResult::empty(row);
    result.reason = Some(format!("{}: {}", missing.what, missing.why));
    result.command = Some(missing.how_to_get_it);
    result
}

/// What the target says of some row that is built, where none of the chosen ones is.
async fn any_shaping(target: &dyn Target) -> Option<Shaping> {
    for row in CATALOGUE.rows() {
        if let Ok(facts) = target.facts(row).await {
            return Some(facts.shaping);
        }
    }
    None
}

#[derive(Default)]
struct Found {
    rows: Vec<RowResult>,
    priced: Vec<PricedRow>,
    cores: BTreeMap<String, Core>,
    memory: Vec<MemorySweep>,
    /// The target's name.
    target: Option<String>,
    shaping: Option<Shaping>,
    generator_core_share: f64,
    steal: f64,
    drift: f64,
}

impl Found {
    fn add(&mut self, row: &Row, measured: Measured, facts: &Facts, factor: Factor) {
        let provider = provider_of(row);
        let line = core_line(provider, &factor);
        self.cores.insert(line.provider.clone(), line);
        self.target = Some(facts.target.clone());
        self.shaping = Some(facts.shaping.clone());
        self.generator_core_share = self.generator_core_share.max(measured.generator_core_share);
        self.steal = self.steal.max(measured.steal);
        self.drift = self.drift.max(measured.result.host_drift.unwrap_or_default().abs());
        self.priced.extend(measured.priced);
        self.rows.push(measured.result);
    }

    /// The first row whose latency was measured.
    fn first<'p>(&self, plan: &'p Plan) -> Option<&'p Row> {
        let first = self.rows.iter().find(|row| row.latency.is_some())?;
        plan.rows.iter().find(|row| row.name == first.row)
    }

    /// Measures the first row once more: what moved meanwhile is the machine, not the row.
    async fn look_again(&mut self, row: &Row, row_run: &RowRun<'_>, speed: &Speed) {
        let plan = row_run.plan;
        let first = self.rows.iter().find(|result| result.row == row.name);
        let Some(latency) = first.and_then(|first| first.latency.as_ref()) else { return };
        let (here_ms, p50_ms) = (latency.here_ms.value, latency.p50_ms.value);
        let factor = speed.matched(row, plan.match_vcpu);
        let calls = plan.calls.min(SECOND_LOOK_CALLS);
        if let Some(again_ms) = row_run.look_again(row, &factor, calls).await {
            // Laws are drawn anew, so only what happened here is held against each other.
            self.drift = self.drift.max((again_ms - here_ms).abs() / p50_ms);
        }
    }

    /// As the plan has them, whatever was measured first.
    fn in_order_of(&mut self, plan: &Plan) {
        let place = |name: &str| plan.rows.iter().position(|row| row.name == name);
        self.rows.sort_by_key(|row| place(&row.row));
        self.priced.sort_by_key(|row| place(&row.name));
        self.memory.sort_by_key(|sweep| place(&sweep.row));
    }

    /// The laws that made a part of any figure.
    fn laws(&self, plan: &Plan) -> Result<Vec<SourceLine>, LawsError> {
        let latency = self.rows.iter().flat_map(|row| row.latency.iter().flat_map(|l| &l.parts));
        let cold = self.rows.iter().flat_map(|row| row.cold.iter().flat_map(|cold| &cold.parts));
        let used: BTreeSet<&str> = latency.chain(cold).map(|part| part.name.as_str()).collect();
        let laws = Laws::shipped().scaled_by(&plan.law_factors)?;
        let laws = if plan.physics { laws } else { laws.off() };
        let used = |law: &SourceLine| used.contains(law.id.0.as_str());
        Ok(laws.sources().into_iter().filter(used).collect())
    }

    fn checks(&self) -> Checks {
        let measured = self.rows.iter().filter(|row| row.state != RowState::Skipped);
        Checks {
            valid: measured.clone().filter(|row| row.state != RowState::Invalid).count(),
            measured: measured.count(),
            generator_core_share: self.generator_core_share,
            drift: self.drift,
            steal: self.steal,
        }
    }

    fn winners(&self) -> Option<gearshift_price::Winners> {
        let candidates: Vec<_> = self.priced.iter().map(|row| row.candidate(End::Middle)).collect();
        let without_candidates = candidates.is_empty();
        winners(&candidates, VOLUMES).ok().filter(|_| !without_candidates)
    }

    fn break_evens(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (index, a) in self.priced.iter().enumerate() {
            for b in &self.priced[index + 1..] {
                let break_even = break_even(a, b);
                pairs.push(Pair { a: a.name.clone(), b: b.name.clone(), break_even });
            }
        }
        pairs
    }
}

/// Calls of the second look at the first row.
const SECOND_LOOK_CALLS: u64 = 40;
