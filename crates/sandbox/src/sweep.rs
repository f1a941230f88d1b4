//! Taking away whatever a run left, knowing only its id, and showing that nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use gearshift_gear::RunId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::marks::{Marked, TREE, marked_processes};
use crate::mounted::trees;
use crate::relatives::with_relatives;
use crate::sandbox::{PATIENCE, kill_group, remove_groups};
use crate::{Host, processes_of};

/// What is there of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    pub processes: Vec<Marked>,
    /// Control groups by member name.
    pub groups: Vec<String>,
    /// The run's own control group, which holds the members'.
    pub run_group: bool,
}

impl Remains {
    /// True when nothing is there.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.groups.is_empty() && !self.run_group
    }
}

impl Host {
    /// Every run that has a process or a control group here.
    pub fn runs(&self) -> BTreeSet<RunId> {
        let marked = marked_processes().into_iter().map(|process| process.run);
        let names = self.trees().into_iter().flat_map(|tree| tree.children(""));
        marked.chain(names.filter_map(|name| name.parse().ok())).collect()
    }

    /// The users of whom a run has a process or a control group here, as far as this user sees.
    pub fn owners(&self) -> BTreeMap<RunId, BTreeSet<u32>> {
        let mut owners: BTreeMap<RunId, BTreeSet<u32>> = BTreeMap::new();
        let processes = marked_processes().into_iter().map(|process| (process.run, process.user));
        for (run, user) in processes.chain(groups_of_anybody()) {
            owners.entry(run).or_default().insert(user);
        }
        owners
    }
}

/// Every run's control group in the trees that all users see, and whose it is.
fn groups_of_anybody() -> Vec<(RunId, u32)> {
    let trees = trees().unwrap_or_default().into_iter().map(|tree| tree.at.join(TREE));
    let groups = trees.flat_map(|tree| std::fs::read_dir(tree).into_iter().flatten().flatten());
    let runs = groups.filter_map(|group| {
        let run = group.file_name().to_str()?.parse().ok()?;
        Some((run, group.metadata().ok()?.uid()))
    });
    runs.collect()
}

/// What is there of this run, read from the kernel.
pub fn remains(host: &Host, run: &RunId) -> Remains {
    let below = |group: &str| -> BTreeSet<String> {
        host.trees().into_iter().flat_map(|tree| tree.children(group)).collect()
    };
    Remains {
        processes: match host.hierarchy {
            Some(_) => processes_of(run),
            None => with_relatives(run),
        },
        groups: below(run.as_str()).into_iter().collect(),
        run_group: below("").contains(run.as_str()),
    }
}

/// Kills every process of this run whose member passes and removes the control groups; returns
/// what was there before. Processes outside any group (where nothing is enforced) are found by
/// their environment. The run's own group goes with its last member.
pub fn sweep(host: &Host, run: &RunId, member: impl Fn(&str) -> bool) -> Remains {
    let found = remains(host, run);
    let (processes, groups) = (found.processes.len(), found.groups.len());
    tracing::debug!(%run, processes, groups, "sweeping");
    let began = Instant::now();
    // Looked at again: who keeps members alive replaces the first that die until it dies itself.
    while !pass(host, run, &member) && began.elapsed() < PATIENCE {}
    found
}

/// Ends what is there now; true when another look finds nothing of it.
fn pass(host: &Host, run: &RunId, member: &impl Fn(&str) -> bool) -> bool {
    let groups = || {
        let mut names = remains(host, run).groups;
        names.retain(|name| member(name));
        names
    };
    let asked_for: Vec<String> = groups().iter().map(|name| format!("{run}/{name}")).collect();
    let trees = host.trees();
    for tree in &trees {
        asked_for.iter().for_each(|group| kill_group(&**tree, group));
    }
    kill_marked(run, member);
    for tree in &trees {
        remove_groups(&**tree, &asked_for);
        if tree.children(run.as_str()).is_empty() {
            let _ = tree.remove(run.as_str());
        }
    }
    groups().is_empty()
}

pub(crate) fn kill_marked(run: &RunId, member: &impl Fn(&str) -> bool) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let mut left = with_relatives(run);
        left.retain(|process| member(&process.member));
        if left.is_empty() {
            return;
        }
        for process in left {
            let Marked { pid, member, .. } = &process;
            tracing::debug!(%run, member, pid, signal = "SIGKILL", "ending a process");
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
