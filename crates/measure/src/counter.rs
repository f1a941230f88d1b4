//! Does the row answer, and does it count right while callers collide and stores fail?

use gearshift_deploy::{Condition, ConditionKind};
use gearshift_gear::{FaultPlan, Store};
use gearshift_load::{Expect, ExpectBody, Job, Mode, Outcome};

use crate::CounterPaths;
use crate::Subject;
use crate::{MeasureError, WorkerError};
use gearshift_results::Counter;

const CALLERS: usize = 8;
pub const CALLS: u64 = 240;
/// Who loses a swap of one object asks the store again and again: fewer calls meet as many faults.
const CALLS_TO_AN_OBJECT: u64 = 96;
/// Of a thousand store requests: enough that every kind occurs among [`CALLS`].
const FAULTS: FaultPlan =
    FaultPlan { applied_then_500: 40, not_applied_500: 40, throttle: 40, reset: 40 };

/// Adds from eight callers at once, with faults in stores that can have them.
pub async fn check(at: &Subject<'_>, paths: &CounterPaths) -> Result<Counter, MeasureError> {
    let Subject { target, run, row, .. } = *at;
    // Where faults cannot be arranged the counter is checked against colliding callers alone.
    let faults_injected =
        row.gear().store != Store::Memory && at.facts.arranges(ConditionKind::Faulty).is_ok();
    let before = read(at, paths).await?;
    if faults_injected {
        target.arrange(run, &row.name, Condition::Faulty(FAULTS)).await?;
    }
    let calls = if row.gear().store == Store::Object { CALLS_TO_AN_OBJECT } else { CALLS };
    let added = add(at, paths, calls).await;
    if faults_injected {
        target.arrange(run, &row.name, Condition::Faulty(FaultPlan::default())).await?;
    }
    let added = added?;
    let after = read(at, paths).await?;
    Ok(judge(&added, before, after, faults_injected))
}

/// Adds this often, from all callers together.
pub async fn add(
    at: &Subject<'_>,
    paths: &CounterPaths,
    calls: u64,
) -> Result<Outcome, WorkerError> {
    let mode = Mode::Closed { connections: CALLERS, calls: Some(calls), duration_ms: None };
    at.worker.run(&counting(format!("{}{}", at.url, paths.add), &paths.add_method, mode)).await
}

fn counting(url: String, method: &str, mode: Mode) -> Job {
    let mut job = Job::new(url, mode);
    job.method = method.to_owned();
    job.expect = Expect { status: 200, body: ExpectBody::Count };
    job
}

/// The counter's value.
pub async fn read(at: &Subject<'_>, paths: &CounterPaths) -> Result<u64, MeasureError> {
    let url = format!("{}{}", at.url, paths.read);
    let job = counting(url.clone(), "GET", Mode::Probe { calls: 1 });
    let outcome = at.worker.run(&job).await?;
    outcome.counts.first().copied().ok_or_else(|| {
        let why = match outcome.samples.first() {
            Some(sample) => format!("status {:?}, {:?}", sample.status, sample.error),
            None => "no answer".to_owned(),
        };
        MeasureError::NoCount { url, why }
    })
}

fn judge(added: &Outcome, before: u64, after: u64, faults_injected: bool) -> Counter {
    let check = added.count_check_between(before, after);
    let mut reasons = check.reasons();
    if added.unacknowledged > 0 && !faults_injected {
        reasons.push(format!("{} calls failed without an injected fault", added.unacknowledged));
    }
    Counter {
        holds: check.holds() && reasons.is_empty(),
        callers: CALLERS as u64,
        acknowledged: check.acknowledged,
        counted: after.saturating_sub(before),
        possible: check.acknowledged + check.unacknowledged,
        faults_injected,
        reasons,
    }
}
