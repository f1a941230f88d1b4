//! Whether an outcome can be trusted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::share;
use crate::{MISSED_AFTER_US, Outcome, Percentile, TemperatureCheck};

/// Above this share of a core, waiting for the generator shows in latencies: at 0.8 a queue in
/// front of one server is already four deep on average (M/M/1: ρ / (1 − ρ)).
pub const CORE_SHARE_MAX: f64 = 0.8;

/// Above this share of missed calls p99 is the generator's, not the target's.
pub const MISSED_SHARE_MAX: f64 = 0.01;

/// Above this share of stolen CPU time the machine is another one than it was calibrated as; as
/// large as the drift that is shown.
pub const STEAL_SHARE_MAX: f64 = 0.02;

/// Above this share of calls with a late law p99 is this machine's, not the law's.
pub const LATE_SHARE_MAX: f64 = 0.01;

/// Whether an outcome can be trusted and if not, every reason, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    pub valid: bool,
    pub reasons: Vec<String>,
}

/// What an outcome is to be good for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Criteria {
    /// Percentiles that will be shown, each 0 to 1.
    pub percentiles: Vec<f64>,
    /// Failed calls that are expected, such as injected faults.
    pub errors_expected: u64,
    /// Where the measurement claims to be cold or warm.
    pub temperature: Option<TemperatureCheck>,
}

impl Criteria {
    /// These percentiles, no errors, no claim about temperature.
    pub fn percentiles(percentiles: &[f64]) -> Self {
        Self { percentiles: percentiles.to_vec(), ..Self::default() }
    }
}

impl Verdict {
    /// Valid exactly if there is no reason against it.
    pub fn of(reasons: Vec<String>) -> Self {
        Self { valid: reasons.is_empty(), reasons }
    }

    /// Adds reasons found elsewhere, such as host drift.
    pub fn and(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.reasons.extend(reasons);
        Self::of(self.reasons)
    }
}

/// Judges an outcome by promise 4 of the design.
pub fn judge(outcome: &Outcome, asked: &Criteria) -> Verdict {
    let reasons = [
        saturated(outcome),
        schedule_missed(outcome),
        errors(outcome, asked.errors_expected),
        asked.temperature.as_ref().and_then(TemperatureCheck::reason),
        too_few(outcome, &asked.percentiles),
        stolen(outcome),
        late_laws(outcome),
    ];
    Verdict::of(reasons.into_iter().flatten().collect())
}

fn saturated(outcome: &Outcome) -> Option<String> {
    let core_share = outcome.generator.core_share;
    (core_share > CORE_SHARE_MAX).then(|| {
        format!(
            "generator saturated: it used {:.0} % of its core, {:.0} % is the most that leaves \
             latencies alone → lower the rate or use more workers",
            core_share * 100.0,
            CORE_SHARE_MAX * 100.0
        )
    })
}

/// One call of a short run is more than 1 % of it and still one call: a share needs two.
fn beyond_chance(calls: u64) -> bool {
    calls > 1
}

fn schedule_missed(outcome: &Outcome) -> Option<String> {
    let schedule = outcome.schedule.as_ref()?;
    let missed = beyond_chance(schedule.missed) && schedule.missed_share > MISSED_SHARE_MAX;
    missed.then(|| {
        format!(
            "schedule missed > {:.0} %: {} of {} calls were begun more than {} ms late or never → \
             lower the rate or allow more connections",
            MISSED_SHARE_MAX * 100.0,
            schedule.missed,
            schedule.planned,
            MISSED_AFTER_US / 1_000
        )
    })
}

fn errors(outcome: &Outcome, expected: u64) -> Option<String> {
    let failed = outcome.unacknowledged + outcome.never_sent;
    if failed <= expected {
        return None;
    }
    let mut kinds: Vec<String> =
        outcome.errors.iter().map(|(kind, n)| format!("{n} {}", kind.words())).collect();
    if outcome.never_sent > 0 {
        kinds.push(format!("{} never sent for want of a connection", outcome.never_sent));
    }
    let expected = if expected > 0 { format!(" ({expected} expected)") } else { String::new() };
    let calls = outcome.sent + outcome.never_sent;
    Some(format!("errors: {failed} of {calls} calls failed{expected}: {}", kinds.join(", ")))
}

fn too_few(outcome: &Outcome, percentiles: &[f64]) -> Option<String> {
    let missing = percentiles.iter().filter_map(|&q| match outcome.from_intended.percentile(q) {
        Percentile::TooFew { n, needs } => Some((q, n, needs)),
        Percentile::Value(_) => None,
    });
    let (q, n, needs) = missing.max_by_key(|&(_, _, needs)| needs)?;
    // p99.9 of 0.999, without the tail of digits that binary fractions leave.
    let name = (q * 1e5).round() / 1e3;
    Some(format!("too few samples: p{name} needs {needs} good answers, there are {n}"))
}

fn stolen(outcome: &Outcome) -> Option<String> {
    let steal_share = outcome.steal_share?;
    (steal_share > STEAL_SHARE_MAX).then(|| {
        format!(
            "steal: this machine's host gave {:.1} % of its CPU time to others, more than {:.0} % \
             → measure again when it is quieter",
            steal_share * 100.0,
            STEAL_SHARE_MAX * 100.0
        )
    })
}

fn late_laws(outcome: &Outcome) -> Option<String> {
    let late = share(outcome.late, outcome.acknowledged) > LATE_SHARE_MAX;
    (beyond_chance(outcome.late) && late).then(|| {
        format!(
            "this machine was late: a declared wait took longer than drawn in {} of {} calls, more than {:.0} %",
            outcome.late,
            outcome.acknowledged,
            LATE_SHARE_MAX * 100.0
        )
    })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
