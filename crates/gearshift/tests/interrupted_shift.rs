//! A shift that is interrupted loses nothing: whoever comes next finishes it or undoes it.

mod common;

use std::collections::BTreeSet;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Folder, Up};
use gearshift_sandbox::processes_of;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Weight and state of the function and of the tasks.
fn sides(folder: &Folder, up: &Up) -> Vec<(u64, String)> {
    let status: Value =
        serde_json::from_str(&folder.text(&["status", &up.run, "--json"])).expect("JSON");
    let lines = status.as_array().expect("lines").iter();
    let of_run = lines.filter(|line| line["run"] == up.run.as_str());
    let side = |line: &Value| {
        (line["weight"].as_u64().unwrap(), line["state"].as_str().unwrap().to_owned())
    };
    of_run.map(side).collect()
}

fn shift(folder: &Folder, up: &Up, direction: &str) -> Child {
    let mut command = folder.gearshift(&["shift", direction, "--run", &up.run]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gearshift starts")
}

/// Waits until the row stands like this.
fn until(folder: &Folder, up: &Up, so: impl Fn(&[(u64, String)]) -> bool) {
    let began = Instant::now();
    while !so(&sides(folder, up)) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", sides(folder, up));
    }
}

fn end(child: Child, signal: Signal) -> Output {
    kill(Pid::from_raw(child.id() as i32), signal).expect("it runs");
    child.wait_with_output().expect("it ends")
}

fn owned(sides: [(u64, &str); 2]) -> Vec<(u64, String)> {
    sides.map(|(weight, state)| (weight, state.to_owned())).to_vec()
}

#[test]
fn a_shift_killed_while_it_warms_up_is_undone_by_repair() {
    let folder = Folder::new();
    // A load balancer takes some 2 minutes of AWS's clock: long enough here to be killed meanwhile.
    let up = folder.up("flex", &["--speed", "60"]);
    let shifting = shift(&folder, &up, "up");
    until(&folder, &up, |sides| sides[1].1 == "warming");
    end(shifting, Signal::SIGKILL);
    let said = folder.run(&["status", &up.run]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("status --repair"), "{said}");
    folder.text(&["status", &up.run, "--repair"]);
    assert_eq!(sides(&folder, &up), owned([(1000, "ready"), (0, "absent")]));
    // At once again: what was still on its way from the first time must not stand beside it.
    folder.text(&["shift", "up", "--run", &up.run]);
    let tasks = || {
        let processes = processes_of(&up.run.parse().expect("a run id")).into_iter();
        let tasks = processes.filter(|process| process.member.starts_with("flex.t-"));
        tasks.map(|process| process.member).collect::<BTreeSet<_>>()
    };
    let one = tasks();
    assert_eq!(one.len(), 1, "{one:?}");
    // As long as a load balancer takes here.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(tasks(), one);
    folder.text(&["down", &up.run]);
}

#[test]
fn a_shift_stopped_in_its_ramp_is_finished_by_the_next_one() {
    let folder = Folder::new();
    // Each weight of the ramp stays for 30 s of AWS's clock.
    let up = folder.up("flex", &["--speed", "40"]);
    let shifting = shift(&folder, &up, "up");
    until(&folder, &up, |sides| sides[1].0 > 0);
    let ended = end(shifting, Signal::SIGINT);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("gearshift shift up goes on"), "{said}");
    folder.text(&["shift", "up", "--run", &up.run]);
    assert_eq!(sides(&folder, &up), owned([(0, "ready"), (1000, "ready")]));
    folder.text(&["shift", "down", "--run", &up.run]);
    assert_eq!(sides(&folder, &up), owned([(1000, "ready"), (0, "absent")]));
    folder.text(&["down", &up.run]);
}

#[test]
fn a_shift_that_was_nearly_over_is_finished_by_repair() {
    let folder = Folder::new();
    let up = folder.up("flex", &["--speed", "40"]);
    let shifting = shift(&folder, &up, "up");
    until(&folder, &up, |sides| sides[1].0 >= 500);
    end(shifting, Signal::SIGKILL);
    folder.text(&["status", &up.run, "--repair"]);
    assert_eq!(sides(&folder, &up), owned([(0, "ready"), (1000, "ready")]));
    folder.text(&["down", &up.run]);
}
