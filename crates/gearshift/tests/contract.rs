//! `twin` passes the contract of all targets, with real processes; what happens behind its back is
//! a signal.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::contract::{Bench, Holding};
use gearshift_deploy::{Settings, Standing, Target, target_contract};
use gearshift_gear::{Artefact, Artefacts, CATALOGUE, Row, RunId};
use gearshift_load::{Job, Mode};
use gearshift_prepare::Preparer;
use gearshift_sandbox::{processes_of, remains, sweep};
use gearshift_twin::{RunPlace, Twin, TwinConfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Services are placed once: the first start of a fresh binary may find it busy.
static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let places = Box::leak(Box::new(tempfile::tempdir().unwrap()));
    let preparer = Preparer::new(places.path());
    let plane = [env!("CARGO_BIN_EXE_gearshift"), "internal", "plane"].map(PathBuf::from);
    let mut config = TwinConfig::usual(plane.to_vec()).unwrap();
    config.base = places.path().join("runs");
    Place { config, preparer }
});

struct Place {
    config: TwinConfig,
    preparer: Preparer,
}

static RUNS: AtomicU16 = AtomicU16::new(0);

struct TwinBench {
    row: &'static str,
    /// The member whose end is the row's end.
    heart: &'static str,
}

#[async_trait]
impl Bench for TwinBench {
    fn target(&self) -> Box<dyn Target> {
        Box::new(Twin::new(PLACE.config.clone()))
    }

    fn row(&self) -> Row {
        CATALOGUE.row(self.row).unwrap().clone()
    }

    fn artefacts(&self, row: &Row) -> Artefacts {
        let program = |side| PLACE.preparer.program(row.build_of(side)).unwrap();
        let sides = row.sides().into_iter();
        sides.map(|(side, _)| (side, Artefact::executable(program(side)))).collect()
    }

    fn settings(&self) -> Settings {
        // Without laws and shares the suite takes seconds; neither is its subject.
        Settings { physics: false, shaped: false, ..Settings::default() }
    }

    async fn new_run(&self) -> RunId {
        // Eight digits: no run of the command has as many.
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        format!("{:04x}{number:04x}", std::process::id() & 0xffff).parse().unwrap()
    }

    async fn call(&self, _run: &RunId, _row: &str, standing: &Standing) -> Result<(), String> {
        let url = format!("{}/hits", standing.url.as_deref().ok_or("no address")?);
        let outcome = gearshift_load::run(&Job::new(url, Mode::Probe { calls: 1 }), |_| {}).await;
        let outcome = outcome.map_err(|error| error.to_string())?;
        if outcome.acknowledged == 1 { Ok(()) } else { Err(format!("{:?}", outcome.errors)) }
    }

    async fn hold(&self, _: &RunId, _: &str, standing: &Standing, takes: Duration) -> Holding {
        let url = standing.url.clone().unwrap_or_default();
        let url = format!("{url}/sleep/{}", takes.as_millis());
        let sent = tokio::spawn(async move {
            let job = Job::new(url, Mode::Probe { calls: 1 });
            let outcome = gearshift_load::run(&job, |_| {}).await;
            let outcome = outcome.map_err(|error| error.to_string())?;
            if outcome.acknowledged == 1 { Ok(()) } else { Err(format!("{:?}", outcome.errors)) }
        });
        // Long enough for it to have arrived.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Box::pin(async move { sent.await.map_err(|error| error.to_string())? })
    }

    async fn sabotage(&self, run: &RunId, row: &str) {
        let heart = format!("{row}.{}", self.heart);
        let victims: Vec<_> =
            processes_of(run).into_iter().filter(|p| p.member.starts_with(&heart)).collect();
        assert!(!victims.is_empty(), "no process {heart} in run {run}");
        for victim in victims {
            kill(Pid::from_raw(victim.pid), Signal::SIGKILL).unwrap();
        }
    }

    async fn census(&self, run: &RunId) -> usize {
        let found = remains(&PLACE.config.host, run);
        let directory = PLACE.config.base.join(run.as_str()).exists();
        found.processes.len()
            + found.groups.len()
            + usize::from(found.run_group)
            + usize::from(directory)
    }

    async fn clean_up(&self, run: &RunId) {
        let swept = {
            let run = run.clone();
            move || {
                sweep(&PLACE.config.host, &run, |_| true);
                RunPlace::new(&PLACE.config.base, &run).remove().unwrap();
            }
        };
        tokio::task::spawn_blocking(swept).await.unwrap();
        assert_eq!(self.census(run).await, 0, "run {run} left something");
    }
}

mod an_instance_whose_service_is_killed {
    use super::*;
    target_contract!(TwinBench { row: "ec2", heart: "i" });
}

mod an_instance_whose_data_plane_is_killed {
    use super::*;
    target_contract!(TwinBench { row: "ec2", heart: "plane" });
}

mod a_function {
    use super::*;
    target_contract!(TwinBench { row: "lambda-rust-dynamodb", heart: "plane" });
}

mod a_flex_row {
    use super::*;
    target_contract!(TwinBench { row: "flex", heart: "plane" });
}

mod tasks_whose_data_plane_is_killed {
    use super::*;
    target_contract!(TwinBench { row: "fargate", heart: "plane" });
}
