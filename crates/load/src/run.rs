//! One loop for every mode: start what is due, record what is over, sleep until the next.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use crate::arrivals::Arrivals;
use crate::clock::{Alarm, Clock};
use crate::endpoint::Endpoint;
use crate::host::Reading;
use crate::lane::Lane;
use crate::recorder::Recorder;
use crate::{ErrorKind, Job, LoadError, Mode, Outcome, Sample};

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
    let mut turns = endpoint.turns();
    let mut arrivals = Arrivals::of(&job.mode);
    let mut lanes = Lanes::of(&job.mode);
    let mut recorder = Recorder::new(job.keep_samples);
    let mut calls = JoinSet::new();
    let timeout_ns = job.timeout_ms.saturating_mul(1_000_000);
    let mut told_us = 0;

    let before = Reading::now().map_err(LoadError::NoUsage)?;
    let clock = Clock::start();
    let mut alarm = Alarm::new(clock).map_err(LoadError::NoTimer)?;
    loop {
        while lanes.any_free() {
            let now_ns = clock.now_ns();
            let Some(intended_ns) = arrivals.take(now_ns) else { break };
            let late_ns = now_ns - intended_ns;
            if late_ns > timeout_ns {
                recorder.never_sent(late_ns / 1_000);
                continue;
            }
            let caller = Caller {
                lane: lanes.take(),
                fresh: lanes.fresh,
                rest: arrivals.rest_after_refusal(),
            };
            let endpoint = Arc::clone(&endpoint);
            calls.spawn(caller.call(endpoint, turns.next(), clock, intended_ns / 1_000));
        }
        // With every lane busy only an answer can change anything.
        let next_ns = arrivals.next_ns().filter(|_| lanes.any_free());
        tokio::select! {
            Some(over) = calls.join_next() => {
                let (lane, sample) = over.unwrap_or_else(panicked);
                lanes.put(lane);
                recorder.add(sample);
            }
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
    let after = Reading::now().map_err(LoadError::NoUsage)?;
    progress(recorder.finished());
    let rate_per_s = match job.mode {
        Mode::Open { rate_per_s, .. } => Some(rate_per_s),
        Mode::Closed { .. } | Mode::Probe { .. } => None,
    };
    Ok(recorder.finish(clock, (&before, &after), rate_per_s))
}

/// The callers, idle ones on top.
struct Lanes {
    idle: Vec<Lane>,
    open: usize,
    max: usize,
    /// Whether every call gets a connection of its own.
    fresh: bool,
}

impl Lanes {
    fn of(mode: &Mode) -> Self {
        let (max, fresh) = match *mode {
            Mode::Closed { connections, .. } => (connections, false),
            Mode::Open { connections_max, .. } => (connections_max, false),
            Mode::Probe { .. } => (1, true),
        };
        Self { idle: Vec::new(), open: 0, max, fresh }
    }

    fn any_free(&self) -> bool {
        !self.idle.is_empty() || self.open < self.max
    }

    /// The lane that fell idle last, or a new one.
    fn take(&mut self) -> Lane {
        self.idle.pop().unwrap_or_else(|| {
            self.open += 1;
            Lane::default()
        })
    }

    fn put(&mut self, lane: Lane) {
        self.idle.push(lane);
    }
}

/// A lane on its way through one call.
struct Caller {
    lane: Lane,
    fresh: bool,
    rest: Option<Duration>,
}

impl Caller {
    async fn call(
        mut self,
        endpoint: Arc<Endpoint>,
        turn: usize,
        clock: Clock,
        intended_us: u64,
    ) -> (Lane, Sample) {
        let sample = self.lane.call(&endpoint, turn, clock, intended_us).await;
        if self.fresh {
            self.lane.hang_up();
        }
        let refused = matches!(sample.error, Some(ErrorKind::Refused | ErrorKind::Unreachable));
        if let Some(rest) = self.rest.filter(|_| refused) {
            tokio::time::sleep(rest).await;
        }
        (self.lane, sample)
    }
}

fn panicked(error: JoinError) -> (Lane, Sample) {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => unreachable!("calls are aborted only together with the run"),
    }
}
