//! Finding everything of a run again, by its id alone.

mod support;

use std::path::Path;

use gearshift_sandbox::{Host, Limits, apart, remains, sweep};
use support::{Run, run, shell, until};

/// What an owner killed in mid-life leaves: a running group, a frozen one, an empty one, and a
/// process outside every group. The process numbers.
fn abandon(run: &Run) -> Vec<u32> {
    let mut pids = Vec::new();
    for member in ["row.running", "row.frozen", "other.empty"] {
        let sandbox = run.sandbox(member, &Limits::default());
        if member != "other.empty" {
            // The background child inherits group and marks.
            pids.push(run.script(&sandbox, "sleep 600 & sleep 600; :"));
            until("parent and child run", || sandbox.processes().len() == 3);
        }
        if member == "row.frozen" {
            sandbox.freeze().expect("frozen");
        }
        std::mem::forget(sandbox);
    }
    let mut outside = shell("sleep 600; :");
    apart(&mut outside, &run.id, "row.outside", &[]);
    pids.push(run.keep(outside));
    let outside =
        || remains(&run.host, &run.id).processes.iter().any(|p| p.member == "row.outside");
    until("the process outside is marked", outside);
    pids
}

fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    // Behind the command's name in parentheses stands the state; a zombie is its parent's business.
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

#[test]
fn sweep_finds_everything_by_run_id_alone() {
    let (Some(run), Some(neighbour)) = (run(), run()) else { return };
    let pids = abandon(&run);
    let neighbours = abandon(&neighbour);
    assert!(Host::detect().runs().contains(&run.id));
    // A fresh look, as another process would take it.
    let found = sweep(&Host::detect(), &run.id, |_| true);
    assert_eq!(found.groups.len(), 3, "{found:?}");
    assert!(found.run_group && found.processes.len() >= 6, "{found:?}");
    for member in ["row.running", "row.frozen", "row.outside"] {
        assert!(found.processes.iter().any(|process| process.member == member), "{found:?}");
    }
    assert!(remains(&run.host, &run.id).is_empty(), "{:?}", remains(&run.host, &run.id));
    assert_eq!(run.directories(), Vec::<std::path::PathBuf>::new());
    assert!(pids.iter().all(|pid| !alive(*pid)), "{pids:?}");
    assert!(!Host::detect().runs().contains(&run.id));
    assert!(neighbours.iter().all(|pid| alive(*pid)), "another run is none of its business");
    assert_eq!(remains(&neighbour.host, &neighbour.id).groups.len(), 3);
}

#[test]
fn sweep_takes_only_the_members_asked_for() {
    let Some(run) = run() else { return };
    abandon(&run);
    sweep(&run.host, &run.id, |member| member.starts_with("row."));
    let left = remains(&run.host, &run.id);
    assert_eq!(left.groups, ["other.empty"], "{left:?}");
    assert!(left.run_group && left.processes.is_empty(), "{left:?}");
    sweep(&run.host, &run.id, |_| true);
    assert!(remains(&run.host, &run.id).is_empty());
}

#[test]
fn sweeping_what_is_not_there_finds_nothing() {
    let Some(run) = run() else { return };
    assert!(sweep(&run.host, &run.id, |_| true).is_empty());
}

#[test]
fn sweep_outlasts_who_makes_groups_while_it_is_killed() {
    let Some(run) = run() else { return };
    drop(run.sandbox("row.first", &Limits::default()));
    let group = run.directories().pop().expect("the run's group in some tree");
    let mut keeper = shell("n=0; while n=$((n+1)); do mkdir $GROUP/row.more-$n; done");
    keeper.env("GROUP", group).env("GEARSHIFT_RUN", run.id.as_str());
    keeper.env("GEARSHIFT_MEMBER", "row.keeper");
    let keeper = run.keep(keeper);
    until("it makes groups", || run.directories().len() > 12);
    sweep(&run.host, &run.id, |_| true);
    assert_eq!(run.directories(), Vec::<std::path::PathBuf>::new());
    assert!(!alive(keeper));
}

#[test]
fn a_look_at_the_host_clears_the_groups_of_who_died_trying() {
    let Some(run) = run() else { return };
    drop(run.sandbox("row.first", &Limits::default()));
    let group = run.directories().pop().expect("the run's group in some tree");
    let tree = group.ancestors().find(|at| at.ends_with("gearshift")).expect("its tree");
    // No process has as high a number.
    let (dead, living) = (tree.join("try-99999999-0"), tree.join("try-1-0"));
    std::fs::create_dir_all(&dead).expect("a group");
    std::fs::create_dir_all(&living).expect("a group");
    Host::detect();
    let (dead, living) = (dead.exists(), std::fs::remove_dir(&living));
    assert!(!dead && living.is_ok());
}
