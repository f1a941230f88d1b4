//! The provider.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gearshift_deploy::{Clock, State, TargetError, World};
use gearshift_gear::{EnvironmentId, RunId};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::config::Luck;
use crate::parts::Placing;
use crate::record::RowRecord;
use crate::run::RunRecord;
use crate::{CloudConfig, SimTarget};

/// Faults are drawn from a stream of their own (any other constant would do), so that switching
/// them on moves no placement.
const FAULT_STREAM: u64 = 0x6661_756c_7473;

/// A simulated provider. Clones share it.
#[derive(Clone)]
pub struct Cloud {
    clock: Arc<dyn Clock>,
    config: CloudConfig,
    kept: Arc<Mutex<CloudState>>,
}

/// What the provider keeps.
pub(crate) struct CloudState {
    placements: StdRng,
    faults: StdRng,
    next_member: u64,
    runs: BTreeMap<RunId, RunRecord>,
}

/// Requests taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// How long the first of them waits for a member to be placed and started; zero when warm.
    pub waits: Duration,
    /// What each of them takes then.
    pub request: Duration,
}

/// A request that is being handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRequest {
    run: RunId,
    row: String,
    member: EnvironmentId,
    until: Timestamp,
}

/// Requests a row could not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "row `{row}` of run {run} takes no requests: {why} → bring it up and wait until it is ready"
)]
pub struct NotServing {
    pub run: RunId,
    pub row: String,
    pub why: String,
}

impl Cloud {
    /// An empty one that lives by this clock.
    pub fn new(config: CloudConfig, clock: Arc<dyn Clock>) -> Self {
        let kept = CloudState {
            placements: StdRng::seed_from_u64(config.seed),
            faults: StdRng::seed_from_u64(config.seed ^ FAULT_STREAM),
            next_member: 0,
            runs: BTreeMap::new(),
        };
        Self { clock, config, kept: Arc::new(Mutex::new(kept)) }
    }

    /// A new handle; it remembers nothing.
    pub fn target(&self) -> SimTarget {
        SimTarget::new(self.clone())
    }

    /// The clock it lives by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Sends a row this many requests, one after the other, now. They cross no network: faults do
    /// not touch them.
    ///
    /// # Errors
    /// [`NotServing`] unless the row is ready.
    pub fn serve(&self, run: &RunId, row: &str, requests: u64) -> Result<Served, NotServing> {
        let now = self.clock.now();
        let refuse =
            |why: &str| NotServing { run: run.clone(), row: row.to_owned(), why: why.to_owned() };
        let mut kept = self.kept();
        let CloudState { placements: rng, next_member, runs, .. } = &mut *kept;
        let record = runs.get_mut(run).and_then(|record| record.row(row, now));
        let record = record.ok_or_else(|| refuse("it does not stand"))?;
        match record.standing(run, now).map(|standing| standing.state) {
            Some(State::Ready) => {}
            Some(State::Broken { why }) => return Err(refuse(&why)),
            Some(State::Starting) | None => return Err(refuse("it is starting")),
        }
        let mut placing = Placing { config: &self.config, rng, next_member };
        let waits = record.serve(requests, now, &mut placing);
        Ok(Served { waits, request: self.config.request })
    }

    /// Sends a row one request that takes this long.
    ///
    /// # Errors
    /// [`NotServing`] where no member takes it.
    pub fn hold(&self, run: &RunId, row: &str, takes: Duration) -> Result<HeldRequest, NotServing> {
        let until = self.clock.now() + takes;
        let held = self.on_row(run, row, |record, now| record.hold(now, takes));
        match held.ok().flatten() {
            Some(member) => {
                Ok(HeldRequest { run: run.clone(), row: row.to_owned(), member, until })
            }
            None => Err(NotServing {
                run: run.clone(),
                row: row.to_owned(),
                why: "no member takes requests".to_owned(),
            }),
        }
    }

    /// How long until a held request is answered.
    pub fn answered_in(&self, held: &HeldRequest) -> Duration {
        Duration::try_from(held.until.duration_since(self.clock.now())).unwrap_or_default()
    }

    /// Whether the member that has it runs, or ran, until it is answered.
    pub fn will_answer(&self, held: &HeldRequest) -> bool {
        let runs = self
            .on_row(&held.run, &held.row, |record, _| record.runs_until(&held.member, held.until));
        runs.unwrap_or(false)
    }

    /// Ends the members of this row that drain, whatever they have, as a target does that takes no
    /// care of requests in flight.
    pub fn cut_draining(&self, run: &RunId, row: &str) {
        let _ = self.on_row(run, row, RowRecord::cut_draining);
    }

    /// Kills a member of this row behind every handle's back, or its front where the gear keeps no
    /// member; false when there is no such row.
    pub fn sabotage(&self, run: &RunId, row: &str) -> bool {
        self.on_row(run, row, RowRecord::sabotage).is_ok()
    }

    /// How many fronts and members of this run exist now.
    pub fn census(&self, run: &RunId) -> usize {
        let now = self.clock.now();
        self.kept().runs.get(run).map_or(0, |record| record.census(now))
    }

    /// Removes everything of this run at once, its past included.
    pub fn remove(&self, run: &RunId) {
        self.kept().runs.remove(run);
    }

    /// Every run of which something exists now.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        let now = self.clock.now();
        let kept = self.kept();
        let there = kept.runs.iter().filter(|(_, record)| record.census(now) > 0);
        there.map(|(run, _)| run.clone()).collect()
    }

    pub(crate) fn config(&self) -> &CloudConfig {
        &self.config
    }

    pub(crate) fn luck(&self) -> Luck {
        self.config.faults.draw(&mut self.kept().faults)
    }

    /// The run's world as of this long ago.
    pub(crate) fn world(&self, run: &RunId, age: Duration) -> World {
        let at = self.clock.now() - age;
        self.kept().runs.get(run).map(|record| record.world(run, at)).unwrap_or_default()
    }

    /// Works on a run, made where there is none; drops what no late answer can show any more.
    pub(crate) fn on_run<T>(
        &self,
        run: &RunId,
        work: impl FnOnce(&mut RunRecord, Timestamp, &mut Placing<'_>) -> T,
    ) -> T {
        let now = self.clock.now();
        let mut kept = self.kept();
        let CloudState { placements: rng, next_member, runs, .. } = &mut *kept;
        let mut placing = Placing { config: &self.config, rng, next_member };
        let done = work(runs.entry(run.clone()).or_default(), now, &mut placing);
        let horizon = now - Duration::from_millis(self.config.faults.stale_ms);
        runs.retain(|_, record| record.prune(horizon));
        done
    }

    /// Works on a row that exists now.
    pub(crate) fn on_row<T>(
        &self,
        run: &RunId,
        row: &str,
        work: impl FnOnce(&mut RowRecord, Timestamp) -> T,
    ) -> Result<T, TargetError> {
        let now = self.clock.now();
        let mut kept = self.kept();
        let record = kept.runs.get_mut(run).and_then(|record| record.row(row, now));
        record.map(|record| work(record, now)).ok_or_else(|| TargetError::NoSuchRow(row.to_owned()))
    }

    fn kept(&self) -> MutexGuard<'_, CloudState> {
        self.kept.lock().expect("no panic while held")
    }
}
