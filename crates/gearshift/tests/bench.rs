//! `gearshift bench` against a row that stands.

mod common;

use common::Folder;
use serde_json::Value;

#[test]
fn closed_loop_counts_every_call_and_says_ok() {
    let folder = Folder::new();
    let up = folder.up("ec2", &["--physics", "off"]);
    let url = format!("{}/hello", up.url);
    let text = folder.text(&["bench", &url, "-n", "1000", "-c", "1", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["outcome"]["sent"], 1000);
    assert_eq!(report["outcome"]["acknowledged"], 1000);
    assert!(
        report["outcome"]["from_sent"]["p999_us"]["value"].is_number(),
        "1,000 calls carry p99.9"
    );
    assert_eq!(report["verdict"]["valid"], true, "{}", report["verdict"]);
    let screen = folder.text(&["bench", &url, "-n", "50"]);
    assert!(screen.contains("n<200") && screen.contains("verdict     ok"), "{screen}");
}

#[test]
fn open_loop_keeps_its_rate_and_shows_both_latencies() {
    let folder = Folder::new();
    let up = folder.up("ec2", &["--physics", "off"]);
    let url = format!("{}/hello", up.url);
    let output = folder.run(&["bench", &url, "--rate", "50", "-d", "2s", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"]["sent"], 100, "50 a second for 2 s");
    assert_eq!(report["outcome"]["schedule"]["planned"], 100);
    let wall_s = report["outcome"]["wall_us"].as_f64().unwrap() / 1e6;
    assert!(wall_s >= 1.9, "the last call is due after 1.98 s, not {wall_s}");
}

#[test]
fn stages_and_threads_make_the_calls_they_say() {
    let folder = Folder::new();
    let up = folder.up("ec2", &["--physics", "off"]);
    let url = format!("{}/hello", up.url);
    let stages = ["--stage", "500ms:100", "--stage", "500ms:100", "--stage", "500ms:0"];
    let flags = [&["bench", &url, "--threads", "2", "--json"][..], &stages].concat();
    let output = folder.run(&flags);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"]["sent"], 100, "two triangles of 25 and 50 between them");
    assert_eq!(report["outcome"]["generator"]["workers"], 2);
    assert_eq!(report["job"]["mode"]["staged"]["stages"][2]["to_per_s"], 0.0);
}

#[test]
fn errors_are_counted_and_make_the_run_invalid() {
    let folder = Folder::new();
    let up = folder.up("ec2", &["--physics", "off"]);
    let output = folder.run(&["bench", &format!("{}/nowhere", up.url), "-n", "20", "--json"]);
    assert_eq!(
        output.status.code(),
        Some(3),
        "an exit code of its own: the sources' script exits 0"
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"]["acknowledged"], 0);
    assert_eq!(report["outcome"]["errors"]["status"], 20, "{}", report["outcome"]["errors"]);
    assert_eq!(report["verdict"]["valid"], false);
}

#[test]
fn what_is_typed_wrong_is_named() {
    let folder = Folder::new();
    for (arguments, named) in [
        (vec!["bench", "ftp://127.0.0.1:1/"], "ftp://127.0.0.1:1/"),
        (vec!["bench", "not a url"], "not a url"),
        (vec!["bench", "http://127.0.0.1:1/", "--rate", "0"], "--rate 0"),
        (vec!["bench", "http://127.0.0.1:1/", "-H", "no colon"], "no colon"),
    ] {
        let output = folder.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
}
