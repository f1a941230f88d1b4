//! The runs of this machine: which there are, whose they are, and how one is ended whatever it was doing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::slice;
use std::time::{Duration, Instant};

use gearshift_deploy::{Fence, Patience, TargetError, Want, reach};
use gearshift_files::{Places, PrivateDir};
use gearshift_gear::RunId;
use gearshift_sandbox::{Enforcement, Remains, processes_of, remains, sweep};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::elsewhere::{notes_are_kept, places_of_runs, seen_planes};
use crate::{RunPlace, Twin, TwinConfig, runs_on_disk};

/// How long a comparison may take to take its own rows down.
const ORCHESTRATOR_PATIENCE: Duration = Duration::from_secs(15);
/// How long a run's rows may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run that was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedRun {
    /// Its rows, as there were before.
    pub rows: Vec<String>,
    /// Processes and control groups, as there were before.
    pub processes: usize,
    pub control_groups: usize,
    /// Processes, control groups and directories that are left.
    pub left: usize,
    /// What may be left without being seen here, in words.
    pub unseen: Vec<String>,
}

/// Why a run could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Directory(#[from] std::io::Error),
}

impl TwinConfig {
    /// Whether nothing here uses this id: no process, no control group, no directory, and no results
    /// below `results`.
    pub fn is_free(&self, run: &RunId, results: &Path) -> bool {
        let mut taken = self.host.runs();
        taken.extend(places_of_runs(&self.base).into_keys());
        taken.extend(runs_on_disk(results));
        !taken.contains(run)
    }

    /// Every run of this user that has something here, and where it keeps it.
    pub fn live_runs(&self) -> BTreeMap<RunId, Vec<PathBuf>> {
        let mut runs = places_of_runs(&self.base);
        let theirs = self.runs_of_others();
        for run in self.host.runs().into_iter().filter(|run| !theirs.contains_key(run)) {
            runs.entry(run).or_default();
        }
        runs
    }

    /// Every run that is seen here and belongs to another user, by that user's number.
    pub fn runs_of_others(&self) -> BTreeMap<RunId, u32> {
        let us = geteuid().as_raw();
        let mut owners: BTreeMap<RunId, BTreeSet<u32>> = self.host.owners();
        for plane in seen_planes() {
            owners.entry(plane.run).or_default().insert(plane.user);
        }
        for run in places_of_runs(&self.base).into_keys() {
            owners.entry(run).or_default().insert(us);
        }
        let theirs = owners.into_iter().filter(|(_, owners)| !owners.contains(&us));
        theirs.filter_map(|(run, owners)| Some((run, owners.into_iter().next()?))).collect()
    }

    /// Ends a run whatever it was doing: a comparison that would bring up its next row, then its rows
    /// as the target takes them down, then whatever that left, such as a load worker.
    ///
    /// # Errors
    /// Where a row cannot be taken down, or the run's directory not removed.
    pub async fn end(&self, run: &RunId) -> Result<(), EndError> {
        end_orchestrator(run).await;
        let twin = Twin::new(self.clone());
        let patience = Patience { total: PATIENCE, ..Patience::default() };
        let fence = Fence::at(jiff::Timestamp::now());
        let reached = reach(&twin, run, &Want::nothing(), fence, patience).await;
        sweep(&self.host, run, |_| true);
        RunPlace::new(&self.base, run).remove()?;
        match reached {
            // Somebody else takes it down at the same time; what was left is swept.
            Ok(_) | Err(TargetError::Fenced { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a run in every place where it keeps something, and looks again; without such a place, in
    /// the one of this environment.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    pub async fn end_in(&self, run: &RunId, bases: &[PathBuf]) -> Result<EndedRun, EndError> {
        let before = remains(&self.host, run);
        let bases = if bases.is_empty() { slice::from_ref(&self.base) } else { bases };
        let (mut rows, mut unseen) = (Vec::new(), Vec::new());
        for base in bases {
            let there = Self { base: base.clone(), ..self.clone() };
            let of_base = RunPlace::new(base, run).rows();
            unseen.extend(of_base.iter().filter_map(|row| there.hidden(&before, run, row)));
            rows.extend(of_base);
            there.end(run).await?;
        }
        let Remains { processes, groups, run_group } = remains(&self.host, run);
        let directories = bases.iter().filter(|base| RunPlace::new(base, run).exists()).count();
        Ok(EndedRun {
            rows,
            processes: before.processes.len(),
            control_groups: before.groups.len(),
            left: processes.len() + groups.len() + usize::from(run_group) + directories,
            unseen,
        })
    }

    /// Processes of this row that nothing leads to, where there may be any, in words.
    fn hidden(&self, before: &Remains, run: &RunId, row: &str) -> Option<String> {
        let plane = format!("{row}.plane");
        let stands = before.processes.iter().any(|process| process.member == plane);
        let unshaped = matches!(self.host.enforcement(), Enforcement::Unshaped { .. });
        (unshaped && !stands).then(|| {
            format!(
                "a process of {run}'s row {row} that had cleared its environment: the row's data plane was \
                 killed before, and there are no control groups here → ps -u {}",
                geteuid()
            )
        })
    }

    /// What this user cannot look into here, in words.
    pub fn unseen(&self) -> Vec<String> {
        let mut unseen = Vec::new();
        match Places::here().state() {
            Err(why) => unseen.push(format!("where runs of this environment would be: {why}")),
            Ok(_) => {
                let opened = PrivateDir::open(&self.base);
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
}

/// Asks a comparison of this run to end, and waits until it has: it would bring up its next row. What
/// does not end by itself is swept with the rest.
async fn end_orchestrator(run: &RunId) {
    let orchestrators = || processes_of(run).into_iter().filter(|process| process.orchestrator);
    for process in orchestrators() {
        tracing::debug!(%run, pid = process.pid, "asking a comparison to end");
        let _ = kill(Pid::from_raw(process.pid), Signal::SIGTERM);
    }
    let began = Instant::now();
    while orchestrators().next().is_some() && began.elapsed() < ORCHESTRATOR_PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
