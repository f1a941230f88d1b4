use std::collections::BTreeMap;
use std::path::PathBuf;
use std::slice;

use anyhow::{Result, bail};
use clap::Args;
use gearshift_files::{Places, PrivateDir};
use gearshift_gear::RunId;
use gearshift_sandbox::{Enforcement, Remains, remains};
use gearshift_twin::{RunPlace, TwinConfig, notes_are_kept};
use serde::Serialize;

use super::{Ended, Usage, block_on};
use crate::{here, interrupt, note, say, terminal};

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
        let config = here::looking_config();
        let theirs = here::runs_of_others(&config);
        let runs = self.runs(&config, &theirs)?;
        let taken = block_on(async {
            let mut taken = Vec::new();
            for (run, bases) in runs {
                taken.push(take_down(&config, run, &bases).await?);
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
        for unseen in taken.iter().flat_map(|run| &run.unseen).chain(&unseen(&config)) {
            note!("not seen: {unseen}");
        }
        if self.run.is_none() {
            for (run, user) in &theirs {
                note!("{}", not_ours(run, *user));
            }
        }
        Ok(if taken.iter().all(|run| run.left == 0) { Ended::Well } else { Ended::Failed })
    }

    fn runs(&self, config: &TwinConfig, theirs: &BTreeMap<RunId, u32>) -> Result<Runs> {
        let live = here::live_runs(config);
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

/// What this user cannot look into here.
fn unseen(config: &TwinConfig) -> Vec<String> {
    let mut unseen = Vec::new();
    match Places::here().state() {
        Err(why) => unseen.push(format!("where runs of this environment would be: {why}")),
        Ok(_) => {
            let opened = PrivateDir::open(&config.base);
            unseen.extend(opened.err().map(|why| format!("runs in {why}")));
        }
    }
    if !notes_are_kept() {
        unseen.push(
            "runs that were started with another XDG_RUNTIME_DIR and whose data plane was killed, since \
             this user has no home to note them in → gearshift down with the environment of `up`"
                .to_owned(),
        );
    }
    unseen
}

async fn take_down(config: &TwinConfig, run: RunId, bases: &[PathBuf]) -> Result<Taken> {
    let before = remains(&config.host, &run);
    let bases = if bases.is_empty() { slice::from_ref(&config.base) } else { bases };
    let (mut rows, mut unseen) = (Vec::new(), Vec::new());
    for base in bases {
        let config = TwinConfig { base: base.clone(), ..config.clone() };
        let of_base = RunPlace::new(base, &run).rows();
        unseen.extend(of_base.iter().filter_map(|row| hidden(&config, &before, &run, row)));
        rows.extend(of_base);
        interrupt::take_down(&config, &run).await?;
    }
    let left = what_is_left(config, &run, bases);
    Ok(Taken {
        rows,
        processes: before.processes.len(),
        control_groups: before.groups.len(),
        left,
        unseen,
        run,
    })
}

/// Processes of this row that nothing leads to, where there may be any.
fn hidden(config: &TwinConfig, before: &Remains, run: &RunId, row: &str) -> Option<String> {
    let plane = format!("{row}.plane");
    let stands = before.processes.iter().any(|process| process.member == plane);
    let unshaped = matches!(config.host.enforcement(), Enforcement::Unshaped { .. });
    (unshaped && !stands).then(|| {
        format!(
            "a process of {run}'s row {row} that had cleared its environment: the row's data plane was \
             killed before, and there are no control groups here → ps -u {}",
            nix::unistd::geteuid()
        )
    })
}

fn what_is_left(config: &TwinConfig, run: &RunId, bases: &[PathBuf]) -> usize {
    let Remains { processes, groups, run_group } = remains(&config.host, run);
    let directories = bases.iter().filter(|base| RunPlace::new(base, run).exists()).count();
    processes.len() + groups.len() + usize::from(run_group) + directories
}
