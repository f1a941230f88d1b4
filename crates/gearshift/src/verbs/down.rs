use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use gearshift_gear::RunId;
use serde::Serialize;

use super::{Ended, Usage, block_on};
use crate::on::{EndedRun, On};
use crate::{here, note, say, terminal};

#[derive(Args)]
pub struct Down {
    /// The run, as `up` and `compare` print it; the only one there is when left out
    run: Option<RunId>,
    /// Every run of yours on this machine; those of other users are named
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
    /// What may be left without being seen here, in words.
    unseen: Vec<String>,
}

impl Down {
    pub fn run(self) -> Result<Ended> {
        let on = On::to_look();
        let theirs = on.runs_of_others();
        let runs = self.runs(&on, &theirs)?;
        let taken = block_on(async {
            let mut taken = Vec::new();
            for (run, bases) in runs {
                let ended = on.end_in(&run, &bases).await?;
                let EndedRun { rows, processes, control_groups, left, unseen } = ended;
                taken.push(Taken { run, rows, processes, control_groups, left, unseen });
            }
            Ok(taken)
        })?;
        if let Ok(preparer) = here::preparer() {
            preparer.tidy();
        }
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
        for unseen in taken.iter().flat_map(|run| &run.unseen).chain(&on.unseen()) {
            note!("not seen: {unseen}");
        }
        if self.run.is_none() {
            for (run, user) in &theirs {
                note!("{}", not_ours(run, *user));
            }
        }
        Ok(if taken.iter().all(|run| run.left == 0) { Ended::Well } else { Ended::Failed })
    }

    fn runs(&self, on: &On, theirs: &BTreeMap<RunId, u32>) -> Result<Runs> {
        let live = on.live_runs();
        if let Some(run) = &self.run {
            if let Some(user) = theirs.get(run) {
                bail!(not_ours(run, *user));
            }
            let bases = live.get(run).cloned().unwrap_or_default();
            return Ok(BTreeMap::from([(run.clone(), bases)]));
        }
        if live.len() > 1 && !self.all {
            let listed: Vec<_> = live.keys().map(RunId::as_str).collect();
            bail!(Usage(format!(
                "several runs are up ({}) → gearshift down RUN, or gearshift down --all",
                listed.join(", ")
            )))
        }
        Ok(live)
    }
}

/// Where each run keeps what it keeps.
type Runs = BTreeMap<RunId, Vec<PathBuf>>;

fn not_ours(run: &RunId, user: u32) -> String {
    format!(
        "run {run} belongs to uid {user}: not ours to end → sudo -u '#{user}' gearshift down {run}"
    )
}
