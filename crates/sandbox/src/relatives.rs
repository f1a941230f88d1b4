//! Processes that carry no mark and belong to a run all the same: descendants of those that do, which
//! have cleared their environment. Control groups hold them anyway; this is for where there are none.

use std::collections::BTreeMap;

use gearshift_gear::RunId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::marks::{Marked, marked_processes};

/// The processes of a run, and those that descend from its members' or are in a session that a member
/// leads. A session that something else leads is a terminal's, and not ours.
pub(crate) fn with_relatives(run: &RunId) -> Vec<Marked> {
    let (mut ours, others): (Vec<_>, Vec<_>) =
        marked_processes().into_iter().partition(|process| process.run == *run);
    let members: BTreeMap<i32, Marked> = ours
        .iter()
        .filter(|process| !process.member.is_empty())
        .map(|process| (process.pid, process.clone()))
        .collect();
    let of_another_run = |pid: i32| others.iter().any(|other| other.pid == pid);
    ours.extend(relatives(members).into_iter().filter(|found| !of_another_run(found.pid)));
    ours
}

/// What descends from these or is in a session of theirs, without them, as members of those.
fn relatives(known: BTreeMap<i32, Marked>) -> Vec<Marked> {
    let mut all = known.clone();
    let running = running();
    loop {
        let before = all.len();
        for process in &running {
            let of = all.get(&process.parent).or_else(|| all.get(&process.session));
            if let Some(of) = of.cloned().filter(|_| !all.contains_key(&process.pid)) {
                let found = Marked { pid: process.pid, user: process.user, ..of };
                all.insert(process.pid, found);
            }
        }
        if all.len() == before {
            let own = std::process::id() as i32;
            all.retain(|pid, _| !known.contains_key(pid) && *pid != own);
            return all.into_values().collect();
        }
    }
}

struct Running {
    pid: i32,
    parent: i32,
    session: i32,
    user: u32,
}

/// Every process that has not ended.
#[cfg(target_os = "linux")]
fn running() -> Vec<Running> {
    let all = procfs::process::all_processes().into_iter().flatten().flatten();
    let running = all.filter_map(|process| {
        let (stat, user) = (process.stat().ok()?, process.uid().ok()?);
        let ended = matches!(stat.state, 'Z' | 'X' | 'x');
        let running = Running { pid: stat.pid, parent: stat.ppid, session: stat.session, user };
        (!ended).then_some(running)
    });
    running.collect()
}

#[cfg(not(target_os = "linux"))]
fn running() -> Vec<Running> {
    Vec::new()
}

/// From now on a process whose parent has ended becomes this process's child, if it descends from it
/// (prctl(2), PR_SET_CHILD_SUBREAPER): a service that goes into the background stays a descendant.
/// Nobody waits for such a child, so it stays a zombie until this process ends.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // A kernel without it only hides more from [`end_descendants`].
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Kills every process that descends from this one.
pub fn end_descendants(run: &RunId) {
    let own = std::process::id() as i32;
    let us = Marked {
        pid: own,
        run: run.clone(),
        member: String::new(),
        orchestrator: false,
        user: nix::unistd::geteuid().as_raw(),
    };
    for process in relatives(BTreeMap::from([(own, us)])) {
        tracing::debug!(%run, pid = process.pid, signal = "SIGKILL", "ending a descendant");
        let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
    }
}
