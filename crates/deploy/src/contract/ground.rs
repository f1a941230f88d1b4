//! What clauses are written in: a bench, lost answers asked again, and sentences for what differs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gearshift_gear::{EnvironmentId, Row, RunId, UsageLine};

use super::Bench;
use crate::{
    Condition, Event, Fence, Progress, Scale, Spec, Standing, State, Target, TargetError, Want,
    Wanted, World, reach_on,
};

/// A clause's outcome: held, or the reason it did not.
pub(super) type Held<T = ()> = Result<T, String>;

/// The fence clauses step with where fences do not matter.
pub(super) const FENCE: Fence = Fence(1);
/// How long polling waits between two looks.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One clause's ground: the bench and the runs started on it.
pub(super) struct Ground<'a> {
    pub(super) bench: &'a dyn Bench,
    row: Row,
    runs: Arc<Mutex<Vec<RunId>>>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(bench: &'a dyn Bench) -> Self {
        Self { bench, row: bench.row(), runs: Arc::default() }
    }

    /// The same ground with another row.
    pub(super) fn on(&self, row: Row) -> Self {
        Self { bench: self.bench, row, runs: self.runs.clone() }
    }

    /// A new run, cleaned up with the ground.
    pub(super) async fn run(&self) -> RunId {
        let run = self.bench.new_run().await;
        self.runs.lock().expect("no panic while held").push(run.clone());
        run
    }

    pub(super) async fn clear(self) {
        let runs = std::mem::take(&mut *self.runs.lock().expect("no panic while held"));
        for run in runs {
            self.bench.clean_up(&run).await;
        }
    }

    pub(super) fn row(&self) -> String {
        self.row.name.clone()
    }

    pub(super) fn want(&self) -> Want {
        Want::of(self.wanted())
    }

    /// The row at this scale.
    pub(super) fn scaled(&self, scale: Scale) -> Want {
        Want::of(Wanted { scale, ..self.wanted() })
    }

    /// The row as it starts.
    pub(super) fn wanted(&self) -> Wanted {
        let artefacts = self.bench.artefacts(&self.row);
        Wanted::initial(self.row.clone(), self.bench.settings(), artefacts)
    }

    /// Asks until there is an answer, or the bench's patience with lost ones ends.
    async fn answered<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        let mut lost = 0;
        loop {
            match ask().await {
                Err(TargetError::NoAnswer { .. }) if lost < self.bench.patience().lost_answers => {
                    lost += 1;
                    self.bench.clock().wait(LOOK_AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    pub(super) async fn observe(&self, target: &dyn Target, run: &RunId) -> Held<World> {
        self.answered(async || target.observe(run).await).await.map_err(|e| says("observe", &e))
    }

    /// What a handle sees once everything that happened so far must show.
    pub(super) async fn look(&self, target: &dyn Target, run: &RunId) -> Held<World> {
        self.bench.clock().wait(self.bench.lag()).await;
        self.observe(target, run).await
    }

    /// One step; repeated with the same view where its answer is lost.
    pub(super) async fn step(
        &self,
        target: &dyn Target,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
    ) -> Result<Progress, TargetError> {
        self.answered(async || target.step(run, want, seen, fence).await).await
    }

    pub(super) async fn reach(&self, target: &dyn Target, run: &RunId, want: &Want) -> Held<World> {
        let patience = self.bench.patience();
        reach_on(self.bench.clock(), target, run, want, FENCE, patience)
            .await
            .map_err(|error| says("observing and stepping", &error))
    }

    /// Brings the bench's row up through this handle; the world as a new handle then sees it.
    pub(super) async fn up(&self, target: &dyn Target, run: &RunId) -> Held<World> {
        self.reach(target, run, &self.want()).await?;
        let seen = self.look(&*self.bench.target(), run).await?;
        self.ready(&seen)?;
        Ok(seen)
    }

    /// Sends the row one request.
    pub(super) async fn call(&self, run: &RunId, seen: &World) -> Held {
        let row = self.row();
        let standing = self.ready(seen)?;
        self.bench
            .call(run, &row, standing)
            .await
            .map_err(|why| format!("{row} is ready but did not answer a request: {why}"))
    }

    /// The bench's row in this world, if it is ready with a URL.
    pub(super) fn ready<'w>(&self, world: &'w World) -> Held<&'w Standing> {
        let row = self.row();
        match world.rows.get(&row) {
            Some(standing) if standing.state != State::Ready => {
                Err(format!("{row} is {:?} where it should be ready", standing.state))
            }
            Some(standing) if standing.url.is_none() => {
                Err(format!("{row} is ready without a URL"))
            }
            Some(standing) => Ok(standing),
            None => Err(format!("{row} is not there where it should be ready")),
        }
    }

    /// Looks until this is so, within patience.
    pub(super) async fn until(
        &self,
        what: &str,
        target: &dyn Target,
        run: &RunId,
        mut so: impl FnMut(&World) -> bool,
    ) -> Held<World> {
        let began = self.bench.clock().now();
        loop {
            let seen = self.observe(target, run).await?;
            if so(&seen) {
                return Ok(seen);
            }
            if self.bench.clock().since(began) > self.bench.patience().total {
                return Err(format!("{what}: not seen within patience; last seen {}", told(&seen)));
            }
            self.bench.clock().wait(LOOK_AGAIN).await;
        }
    }

    /// The census comes to this number within patience (what was killed needs a moment to go).
    pub(super) async fn census_becomes(&self, run: &RunId, expected: usize) -> Held {
        let began = self.bench.clock().now();
        loop {
            let count = self.bench.census(run).await;
            if count == expected {
                return Ok(());
            }
            if self.bench.clock().since(began) > self.bench.patience().total {
                return Err(format!(
                    "{count} things of the run exist where it should be {expected}"
                ));
            }
            self.bench.clock().wait(LOOK_AGAIN).await;
        }
    }

    /// A new handle sees nothing of the run, and nothing exists of it.
    pub(super) async fn nothing_left(&self, run: &RunId) -> Held {
        let seen = self.look(&*self.bench.target(), run).await?;
        ensure(seen.rows.is_empty(), || format!("a new handle still sees {}", told(&seen)))?;
        let count = self.bench.census(run).await;
        ensure(count == 0, || format!("{count} things of the run still exist"))
    }

    pub(super) async fn arrange(&self, target: &dyn Target, run: &RunId, how: Condition) -> Held {
        let row = self.row();
        self.answered(async || target.arrange(run, &row, how.clone()).await)
            .await
            .map_err(|error| says(&format!("arranging {how:?}"), &error))
    }

    pub(super) async fn events(
        &self,
        target: &dyn Target,
        run: &RunId,
        since: usize,
    ) -> Held<Vec<Event>> {
        let row = self.row();
        self.answered(async || target.events(run, &row, since).await)
            .await
            .map_err(|error| says("events", &error))
    }

    /// Usage of a row, lost answers asked again.
    pub(super) async fn usage(
        &self,
        target: &dyn Target,
        run: &RunId,
    ) -> Result<Vec<UsageLine>, TargetError> {
        let row = self.row();
        self.answered(async || target.usage(run, &row).await).await
    }

    /// Conditions arranged for a row that may not stand, lost answers asked again.
    pub(super) async fn try_cold(
        &self,
        target: &dyn Target,
        run: &RunId,
    ) -> Result<(), TargetError> {
        self.try_condition(target, run, Condition::Cold).await
    }

    pub(super) async fn try_condition(
        &self,
        target: &dyn Target,
        run: &RunId,
        condition: Condition,
    ) -> Result<(), TargetError> {
        let row = self.row();
        self.answered(async || target.arrange(run, &row, condition.clone()).await).await
    }
}

/// Holds when `so`; otherwise for this reason it does not.
pub(super) fn ensure(so: bool, reason: impl FnOnce() -> String) -> Held {
    if so { Ok(()) } else { Err(reason()) }
}

pub(super) fn says(what: &str, error: &TargetError) -> String {
    format!("{what} came to an error: {error}")
}

/// The members of every row of a world.
pub(super) fn members(world: &World) -> BTreeSet<EnvironmentId> {
    let all = world.rows.values().flat_map(Standing::members);
    all.map(|member| member.environment.clone()).collect()
}

/// A world in a few words.
pub(super) fn told(world: &World) -> String {
    let row = |(name, row): (&String, &Standing)| {
        let members: Vec<_> = row.members().map(|of| of.environment.to_string()).collect();
        format!("{name} {:?} with members [{}]", row.state, members.join(", "))
    };
    match world.rows.is_empty() {
        true => "nothing".to_owned(),
        false => world.rows.iter().map(row).collect::<Vec<_>>().join("; "),
    }
}

/// What a row is, in a few words.
pub(super) fn told_spec(spec: Option<&Spec>) -> String {
    spec.map_or("nothing known".to_owned(), |spec| {
        format!("{} by {:?}", spec.row.name, spec.settings)
    })
}

/// Whether two worlds are the same but for what their members are busy with.
pub(super) fn same(one: &World, other: &World) -> bool {
    let plain = |world: &World| -> Vec<_> {
        let row = |(name, of): (&String, &Standing)| {
            (
                name.clone(),
                of.spec.clone(),
                of.scale(),
                of.state.clone(),
                of.url.clone(),
                of.endpoints.clone(),
            )
        };
        world.rows.iter().map(row).collect()
    };
    plain(one) == plain(other) && members(one) == members(other)
}
