//! One loop for every mode: hand out what is due, record what is over, sleep until the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::arrivals::{Arrivals, Pace, Part};
use crate::callers::{Call, Callers};
use crate::clock::{Alarm, Clock};
use crate::endpoint::Endpoint;
use crate::host::{Reading, Whose};
use crate::recorder::Recorder;
use crate::{Job, LoadError, Outcome};

/// Progress is told at most ten times a second, and once at the end.
const PROGRESS_EVERY_US: u64 = 100_000;

/// Carries out a job. Needs a tokio runtime with I/O and time; give it a process of its own, on one
/// thread, if its CPU time is to mean anything. `progress` is told how many calls are over.
///
/// Ends when every call is over, which in open loop is at most two timeouts after the last intended
/// time. Calls still in flight when the future is dropped are aborted.
///
/// # Errors
/// A job that cannot be run at all. Calls that fail are part of the outcome.
pub async fn run(job: &Job, progress: impl Fn(u64) + Send + Sync) -> Result<Outcome, LoadError> {
    job.check()?;
    let endpoint = Arc::new(Endpoint::of(job).await?);
    let fresh = async {
        endpoint.keep_fresh().await;
        unreachable!("it goes on for ever")
    };
    tokio::select! {
        outcome = run_parts(job, &endpoint, &progress) => {
            outcome.map(|outcome| Outcome { untrusted: endpoint.untrusted(), ..outcome })
        }
        never = fresh => never,
    }
}

async fn run_parts(
    job: &Job,
    endpoint: &Arc<Endpoint>,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Outcome, LoadError> {
    if job.threads == 1 {
        let (clock, of) = (Clock::start(), Whose::Process);
        return run_part(job, Part::WHOLE, endpoint.clone(), clock, of, progress).await;
    }
    on_threads(job, endpoint, progress).await
}

/// Makes one part of the job's calls on this thread.
async fn run_part(
    job: &Job,
    part: Part,
    endpoint: Arc<Endpoint>,
    clock: Clock,
    of: Whose,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Outcome, LoadError> {
    let mut turns = endpoint.turns();
    let mut arrivals = Arrivals::of(&job.mode, part);
    let connections = part.share(job.connections() as u64) as usize;
    let mut callers = Callers::new(&job.mode, connections, endpoint, clock);
    let mut recorder = Recorder::new(part.share(job.keep_samples as u64) as usize);
    let timeout_ns = job.timeout_ms.saturating_mul(1_000_000);
    let mut told_us = 0;

    let before = Reading::now(of).map_err(LoadError::NoUsage)?;
    let mut alarm = Alarm::new(clock).map_err(LoadError::NoTimer)?;
    loop {
        while callers.any_free() {
            let now_ns = clock.now_ns();
            let Some(intended_ns) = arrivals.take(now_ns) else { break };
            let late_ns = now_ns - intended_ns;
            if late_ns > timeout_ns {
                recorder.never_sent(late_ns / 1_000);
                continue;
            }
            let rest = arrivals.rest_after_refusal();
            callers.make(Call { turn: turns.next(), intended_us: intended_ns / 1_000, rest });
        }
        // With every caller busy only an answer can change anything.
        let next_ns = arrivals.next_ns().filter(|_| callers.any_free());
        tokio::select! {
            sample = callers.next_over(), if callers.busy() > 0 => recorder.add(sample),
            rung = alarm.until(next_ns.unwrap_or(u64::MAX)), if next_ns.is_some() => {
                rung.map_err(LoadError::NoTimer)?;
            }
            else => break,
        }
        if clock.now_us() - told_us >= PROGRESS_EVERY_US {
            told_us = clock.now_us();
            progress(recorder.finished());
        }
    }
    let after = Reading::now(of).map_err(LoadError::NoUsage)?;
    progress(recorder.finished());
    let rate_per_s = Pace::mean_per_s(&job.mode).map(|per_s| per_s / part.of as f64);
    Ok(recorder.finish(clock, (&before, &after), rate_per_s))
}

/// Makes the job's calls on as many threads as it asks for, and merges what they found.
async fn on_threads(
    job: &Job,
    endpoint: &Arc<Endpoint>,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Outcome, LoadError> {
    let clock = Clock::start();
    let of = job.threads as u64;
    let finished: Arc<[AtomicU64]> = (0..of).map(|_| AtomicU64::new(0)).collect();
    let mut parts = Vec::new();
    for index in 0..of {
        let (mut tell, told) = oneshot::channel();
        let (job, endpoint, finished) = (job.clone(), endpoint.clone(), finished.clone());
        let work = move || {
            let part = Part { index, of };
            let mine = |n| finished[index as usize].store(n, Ordering::Relaxed);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let done = runtime.map_err(LoadError::NoThread).and_then(|runtime| {
                runtime.block_on(async {
                    tokio::select! {
                        done = run_part(&job, part, endpoint, clock, Whose::Thread, &mine) => done,
                        () = tell.closed() => Err(LoadError::GivenUp),
                    }
                })
            });
            // Nobody listens where the run was given up.
            let _ = tell.send(done);
        };
        let thread = std::thread::Builder::new().name(format!("load-{index}"));
        thread.spawn(work).map_err(LoadError::NoThread)?;
        parts.push(told);
    }
    let sum = || finished.iter().map(|n| n.load(Ordering::Relaxed)).sum();
    let every = Duration::from_micros(PROGRESS_EVERY_US);
    let mut outcomes = Vec::new();
    for mut told in parts {
        let done = loop {
            tokio::select! {
                done = &mut told => break done.expect("a thread that makes calls does not panic"),
                () = tokio::time::sleep(every) => progress(sum()),
            }
        };
        outcomes.push(done?);
    }
    progress(sum());
    Ok(Outcome::merge(outcomes).expect("there is at least one thread"))
}
