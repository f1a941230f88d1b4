//! What a target's tests provide.

use std::time::Duration;

use async_trait::async_trait;
use gearshift_gear::{Row, RunId};

use crate::{Clock, Patience, Settings, Standing, SystemClock, Target};

/// A place to try a target on, with hands that reach behind its back.
#[async_trait]
pub trait Bench: Send + Sync {
    /// A new handle, as a new process would make it: it knows only what it can observe.
    fn target(&self) -> Box<dyn Target>;

    /// A row that can run here.
    fn row(&self) -> Row;

    /// How it is to run.
    fn settings(&self) -> Settings {
        Settings::default()
    }

    /// The id of a run nobody has started.
    async fn new_run(&self) -> RunId;

    /// Sends the ready row one request and waits for a good answer; otherwise says what came.
    async fn call(&self, run: &RunId, row: &str, standing: &Standing) -> Result<(), String>;

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

    /// How old an observed world may be; zero where observing reads the truth.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }
}
