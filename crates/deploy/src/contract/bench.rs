//! What a target's tests provide.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_gear::{Artefacts, CATALOGUE, Row, RunId};

use crate::{Clock, Patience, Settings, Standing, SystemClock, Target};

/// The answer to a request that is under way.
pub type Holding = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A place to try a target on, with hands that reach behind its back.
#[async_trait]
pub trait Bench: Send + Sync {
    /// A new handle, as a new process would make it: it knows only what it can observe.
    fn target(&self) -> Box<dyn Target>;

    /// A row that can run here.
    fn row(&self) -> Row;

    /// A row with one pool whose members can be set, and that has one member to begin with.
    fn scalable(&self) -> Row {
        CATALOGUE.row("fargate").expect("it is in the catalogue").clone()
    }

    /// A row with a function side and another one.
    fn flexible(&self) -> Row {
        CATALOGUE.row("flex").expect("it is in the catalogue").clone()
    }

    /// What this row runs here, on each of its sides.
    fn artefacts(&self, row: &Row) -> Artefacts;

    /// How it is to run.
    fn settings(&self) -> Settings {
        Settings::default()
    }

    /// The id of a run nobody has started.
    async fn new_run(&self) -> RunId;

    /// Sends the ready row one request and waits for a good answer; otherwise says what came.
    async fn call(&self, run: &RunId, row: &str, standing: &Standing) -> Result<(), String>;

    /// Sends the ready row one request that takes about this long; it has been taken when this returns.
    /// What is returned waits for its answer, or says what came instead.
    async fn hold(&self, run: &RunId, row: &str, standing: &Standing, takes: Duration) -> Holding;

    /// Kills a member behind the target's back, or what carries the row where it would do without
    /// that member. Afterwards the row must no longer be able to answer as it was.
    async fn sabotage(&self, run: &RunId, row: &str);

    /// How many things of this run exist (members, fronts, processes, resources), counted without
    /// the target.
    async fn census(&self, run: &RunId) -> usize;

    /// Removes whatever is left of a run, without the target where possible.
    async fn clean_up(&self, run: &RunId);

    /// The clock the target lives by.
    fn clock(&self) -> &dyn Clock {
        &SystemClock
    }

    /// How long anything may take, on that clock.
    fn patience(&self) -> Patience {
        Patience::default()
    }

    /// How long a request lasts that a member has when it is told to go: longer than it takes to look
    /// a few times.
    fn held_for(&self) -> Duration {
        Duration::from_millis(800)
    }

    /// How old an observed world may be; zero where observing reads the truth.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }
}
