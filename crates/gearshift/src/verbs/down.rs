use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use gearshift_gear::RunId;
use gearshift_sandbox::{Remains, remains};
use gearshift_twin::{RunPlace, TwinConfig};
use serde::Serialize;

use super::{Ended, Usage, block_on};
use crate::builds::Builds;
use crate::{here, interrupt, say, terminal};

#[derive(Args)]
pub struct Down {
    /// The run, as `up` and `compare` print it; the only one there is when left out
    run: Option<RunId>,
    /// Every run on this machine
    #[arg(long, conflicts_with = "run")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Taken {
    run: RunId,
    /// Rows, processes and control groups there were.
    rows: Vec<String>,
    processes: usize,
    control_groups: usize,
    /// What is left: always 0 where the command succeeds.
    left: usize,
}

impl Down {
    pub fn run(self) -> Result<Ended> {
        let builds = Arc::new(Builds::with(None));
        let config = here::twin_config(&builds)?;
        let runs = self.runs(&config)?;
        let taken = block_on(async {
            let mut taken = Vec::new();
            for run in runs {
                taken.push(take_down(&config, run).await?);
            }
            Ok(taken)
        })?;
        builds.preparer.tidy();
        if self.json {
            terminal::print_json(&taken)?;
        } else if taken.is_empty() {
            say!("nothing is running: no process, no control group, no directory of any run");
        }
        for run in taken.iter().filter(|_| !self.json) {
            say!(
                "{}  down: {} process{}, {} control group{} ended; looked again: {} left",
                run.run,
                run.processes,
                if run.processes == 1 { "" } else { "es" },
                run.control_groups,
                if run.control_groups == 1 { "" } else { "s" },
                run.left,
            );
        }
        Ok(if taken.iter().all(|run| run.left == 0) { Ended::Well } else { Ended::Failed })
    }

    fn runs(&self, config: &TwinConfig) -> Result<Vec<RunId>> {
        let live = here::live_runs(config);
        match (&self.run, live.as_slice()) {
            (Some(run), _) => Ok(vec![run.clone()]),
            (None, _) if self.all => Ok(live),
            (None, []) => Ok(live),
            (None, [one]) => Ok(vec![one.clone()]),
            (None, several) => {
                let listed: Vec<_> = several.iter().map(RunId::as_str).collect();
                bail!(Usage(format!(
                    "several runs are up ({}) → gearshift down RUN, or gearshift down --all",
                    listed.join(", ")
                )))
            }
        }
    }
}

async fn take_down(config: &TwinConfig, run: RunId) -> Result<Taken> {
    let before = remains(&config.host, &run);
    let place = RunPlace::new(&config.base, &run);
    let rows = place.rows();
    interrupt::take_down(config, &run).await?;
    let left = what_is_left(config, &run, &place);
    Ok(Taken {
        rows,
        processes: before.processes.len(),
        control_groups: before.groups.len(),
        left,
        run,
    })
}

fn what_is_left(config: &TwinConfig, run: &RunId, place: &RunPlace) -> usize {
    let Remains { processes, groups, run_group } = remains(&config.host, run);
    processes.len() + groups.len() + usize::from(run_group) + usize::from(place.exists())
}
