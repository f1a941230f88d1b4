//! The bench: a cloud of its own on a clock of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::contract::{Bench, Holding};
use gearshift_deploy::{Clock, Patience, Settings, Standing, Target, Want};
use gearshift_gear::{Artefact, Artefacts, CATALOGUE, Row, RunId};
use gearshift_sim::{Cloud, CloudConfig, Faults, ManualClock};

use crate::flaws::{Flaw, Flawed};

pub struct SimBench {
    pub cloud: Cloud,
    row: Row,
    lag: Duration,
    next_run: AtomicU32,
    flaw: Option<Flaw>,
    /// Things a flaw left lying about, by run.
    pub litter: Litter,
}

pub type Litter = Arc<Mutex<BTreeMap<RunId, usize>>>;

/// The catalogue's row, as if built where it is not yet.
pub fn row(name: &str) -> Row {
    Row { built: true, ..CATALOGUE.row(name).unwrap().clone() }
}

/// What every row of these tests runs.
pub fn artefacts(row: &Row) -> Artefacts {
    let image = || Artefact::Image {
        reference: "registry.invalid/hits".to_owned(),
        digest: format!("sha256:{}", "a".repeat(64)),
    };
    row.sides().into_iter().map(|(side, _)| (side, image())).collect()
}

/// The catalogue's row of this name, as it starts.
pub fn want(name: &str) -> Want {
    let row = row(name);
    let artefacts = artefacts(&row);
    Want::one(row, Settings::default(), artefacts)
}

impl SimBench {
    pub fn new(row: &str) -> Self {
        Self::with(row, CloudConfig::new(7))
    }

    pub fn faulty(row: &str, seed: u64, faults: Faults) -> Self {
        Self::with(row, CloudConfig { faults, ..CloudConfig::new(seed) })
    }

    pub fn flawed(row: &str, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::new(row) }
    }

    fn with(name: &str, config: CloudConfig) -> Self {
        Self {
            cloud: Cloud::new(config, Arc::new(ManualClock::default())),
            row: row(name),
            lag: Duration::from_millis(config.faults.stale_ms),
            next_run: AtomicU32::new(0),
            flaw: None,
            litter: Litter::default(),
        }
    }
}

#[async_trait]
impl Bench for SimBench {
    fn target(&self) -> Box<dyn Target> {
        match self.flaw {
            None => Box::new(self.cloud.target()),
            Some(flaw) => Box::new(Flawed::new(flaw, self)),
        }
    }

    fn row(&self) -> Row {
        self.row.clone()
    }

    fn artefacts(&self, row: &Row) -> Artefacts {
        artefacts(row)
    }

    async fn new_run(&self) -> RunId {
        RunId::from_number(self.next_run.fetch_add(1, Ordering::Relaxed))
    }

    async fn call(&self, run: &RunId, row: &str, _: &Standing) -> Result<(), String> {
        let served = self.cloud.serve(run, row, 1).map_err(|error| error.to_string())?;
        self.clock().wait(served.waits + served.request).await;
        Ok(())
    }

    async fn hold(&self, run: &RunId, row: &str, _: &Standing, takes: Duration) -> Holding {
        let (held, cloud) = (self.cloud.hold(run, row, takes), self.cloud.clone());
        Box::pin(async move {
            let held = held.map_err(|error| error.to_string())?;
            cloud.clock().wait(cloud.answered_in(&held)).await;
            let answered = cloud.will_answer(&held);
            answered.then_some(()).ok_or_else(|| "its member ended before".to_owned())
        })
    }

    async fn sabotage(&self, run: &RunId, row: &str) {
        assert!(self.cloud.sabotage(run, row), "{row} of {run} is there to be sabotaged");
    }

    async fn census(&self, run: &RunId) -> usize {
        self.cloud.census(run) + self.litter.lock().unwrap().get(run).copied().unwrap_or(0)
    }

    async fn clean_up(&self, run: &RunId) {
        self.cloud.remove(run);
    }

    fn clock(&self) -> &dyn Clock {
        self.cloud.clock()
    }

    fn patience(&self) -> Patience {
        Patience { total: Duration::from_secs(120), lost_answers: 100, ..Patience::default() }
    }

    fn held_for(&self) -> Duration {
        // Simulated, so it costs nothing to outlast slow and late answers.
        Duration::from_secs(60)
    }

    fn lag(&self) -> Duration {
        self.lag
    }
}
