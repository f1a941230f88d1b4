//! What acts is seen from outside where somebody asks for it, and nowhere else.

mod common;

use std::process::{Command, Output};

use common::Folder;
use serde_json::Value;

fn up(folder: &Folder, log: &[(&str, &str)]) -> (Output, String) {
    let mut command: Command = folder.gearshift(&["up", "ec2", "--physics", "off", "--json"]);
    let output = command.envs(log.iter().copied()).output().expect("gearshift starts");
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let run = said["run"].as_str().expect("a run").to_owned();
    (output, run)
}

fn plane_log(folder: &Folder, run: &str) -> String {
    std::fs::read_to_string(folder.base().join(run).join("ec2/plane.log")).expect("a log")
}

#[test]
fn nothing_is_logged_unless_asked_for() {
    let folder = Folder::new();
    let (output, run) = up(&folder, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(plane_log(&folder, &run), "");
    folder.text(&["down", &run]);
}

#[test]
fn steps_and_events_are_logged_where_asked_for() {
    let folder = Folder::new();
    let (output, run) = up(&folder, &[("GEARSHIFT_LOG", "debug")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("starting a data plane") && said.contains("step"), "{said}");
    assert!(said.contains(&run), "{said}");
    let plane = plane_log(&folder, &run);
    assert!(plane.contains("event") && plane.contains("Listening"), "{plane}");
    folder.text(&["down", &run]);
}

#[test]
fn a_log_in_json_is_one_object_a_line() {
    let folder = Folder::new();
    let log = [("GEARSHIFT_LOG", "gearshift_deploy=debug"), ("GEARSHIFT_LOG_FORMAT", "json")];
    let (output, run) = up(&folder, &log);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().any(|line| line["fields"]["message"] == "step"), "{said}");
    assert!(lines.iter().all(|line| line["target"] == "gearshift_deploy::reach"), "{said}");
    folder.text(&["down", &run]);
}

#[test]
fn a_log_that_cannot_be_is_named_and_the_command_goes_on() {
    let folder = Folder::new();
    let output = folder.gearshift(&["gears"]).env("GEARSHIFT_LOG", "=[").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("GEARSHIFT_LOG=debug"), "{said}");
}
