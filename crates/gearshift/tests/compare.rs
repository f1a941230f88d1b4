//! The main job as a user runs it, in a folder outside the checkout.

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use common::Folder;
use gearshift_compare::{Results, RowState, SCHEMA};
use gearshift_gear::Origin;

const ROWS: &str = "ec2,lambda-rust-dynamodb";

/// One run that several tests look at.
struct Ran {
    folder: Folder,
    code: i32,
    screen: String,
    results: Results,
    json: String,
}

static RAN: LazyLock<Ran> = LazyLock::new(|| {
    let folder = Folder::new();
    let output = folder.run(&["compare", "--quick", "--calls", "40", "--rows", ROWS]);
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().expect("an exit code");
    // A machine too noisy to trust says so with 3; what it found is complete all the same.
    assert!(code == 0 || code == 3, "exit code {code}: {said}");
    let runs = folder.path().join(".gearshift/runs");
    let run = std::fs::read_dir(&runs).unwrap().next().expect("a run").unwrap().path();
    let json = std::fs::read_to_string(run.join("results.json")).unwrap();
    for file in ["report.md", "report.html"] {
        assert!(run.join(file).metadata().unwrap().len() > 1000, "{file}");
    }
    let results = serde_json::from_str(&json).expect("results.json is of its schema");
    let screen = String::from_utf8(output.stdout).unwrap();
    Ran { folder, code, screen, results, json }
});

#[test]
fn compare_measures_prices_and_reports_both_rows() {
    let ran = &*RAN;
    assert_eq!(ran.results.rows.len(), 2);
    for row in &ran.results.rows {
        assert!(ran.screen.contains(&row.row), "{} is not on the screen", row.row);
        let counter = row.counter.as_ref().unwrap_or_else(|| panic!("{row:?}"));
        assert!(counter.holds, "{}: {:?}", row.row, counter.reasons);
        assert_eq!(counter.callers, 8);
        let latency = row.latency.as_ref().expect("latency");
        assert_eq!(latency.n, 40, "{}", row.row);
        assert!(latency.p50_ms.value > 0.0);
        let money = row.money.as_ref().expect("a bill: run the tests as root, or see doctor");
        assert_eq!(money.gap, None, "{}", row.row);
    }
    let invalid = ran.results.rows.iter().any(|row| row.state == RowState::Invalid);
    assert_eq!(ran.code, if invalid { 3 } else { 0 });
    assert!(ran.screen.contains("report.html"), "{}", ran.screen);
}

#[test]
fn cold_starts_are_nine_in_new_environments_and_their_parts_add_up() {
    for row in &RAN.results.rows {
        let cold = row.cold.as_ref().expect("cold starts");
        assert!(cold.n >= 9, "{}: {}", row.row, cold.n);
        // A busy machine may be late; a warm answer among cold ones may not be.
        let mixed = cold.verdict.reasons.iter().any(|reason| reason.contains("mixed"));
        assert!(!mixed, "{}: {:?}", row.row, cold.verdict.reasons);
        let sum: f64 = cold.parts.iter().map(|part| part.ms).sum();
        let within = cold.min_ms - 0.01..=cold.max_ms + 0.01;
        assert!(within.contains(&sum), "{}: {sum} of {cold:?}", row.row);
        assert!(cold.parts.iter().all(|part| part.ms >= 0.0), "{}: {:?}", row.row, cold.parts);
        for step in ["start", "init", "first request"] {
            assert!(cold.parts.iter().any(|part| part.name == step), "{}: {step}", row.row);
        }
    }
}

#[test]
fn the_functions_bill_is_itemised_and_fixed_and_per_call_apart() {
    let row = RAN.results.rows.iter().find(|row| row.row == "lambda-rust-dynamodb").unwrap();
    let bill = &row.money.as_ref().unwrap().bill;
    let has = |name: &str| bill.lines.iter().any(|line| line.dimension.to_string() == name);
    for line in ["HTTP API request", "function request", "function duration", "table write"] {
        assert!(has(line), "{line} is missing from {:?}", bill.lines);
    }
    assert!(bill.lines.iter().all(|line| !line.fixed), "a function costs nothing by the month");
    let ec2 = RAN.results.rows.iter().find(|row| row.row == "ec2").unwrap();
    let month = ec2.money.as_ref().unwrap().month_usd.as_ref().unwrap().value;
    // t2.micro 9.636 + 8 GB gp2 0.928 + public IPv4 3.65 in eu-west-2.
    assert_eq!(month.to_string(), "14.2140");
}

#[test]
fn results_json_is_versioned_and_every_number_has_an_origin() {
    assert_eq!(RAN.results.schema, SCHEMA);
    let run = &RAN.results.run;
    for row in &RAN.results.rows {
        let latency = row.latency.as_ref().unwrap();
        let leaves = latency.p50_ms.origin.leaves();
        assert!(
            leaves.iter().any(
                |leaf| matches!(leaf, Origin::Measured { run: of, n } if of == run && *n == 40)
            ),
            "{leaves:?}"
        );
        let laws = leaves.iter().filter(|leaf| matches!(leaf, Origin::Declared(_))).count();
        assert!(laws >= 1, "{}: a caller in the region is declared", row.row);
    }
    let known = RAN.json.matches("\"value\":").count();
    let origins = RAN.json.matches("\"origin\":").count();
    assert!(origins >= known, "{known} values, {origins} origins");
    for law in &RAN.results.laws {
        assert!(law.source.is_some() || !law.assumed.is_empty(), "{law:?}");
    }
}

#[test]
fn diff_compares_two_runs() {
    let ran = &*RAN;
    let run = ran.results.run.as_str();
    let text = ran.folder.text(&["diff", run, run, "--json"]);
    let diff: serde_json::Value = serde_json::from_str(&text).unwrap();
    let changes = diff["changes"].as_array().unwrap();
    assert!(changes.len() >= 8, "{text}");
    for change in changes.iter().filter(|change| !change["ratio"].is_null()) {
        assert_eq!(change["ratio"], 1.0, "{change}");
    }
    let mut other = ran.results.clone();
    other.rows[0].latency.as_mut().unwrap().p50_ms.value *= 2.0;
    let path = ran.folder.path().join("doubled.json");
    std::fs::write(&path, serde_json::to_string(&other).unwrap()).unwrap();
    let text = ran.folder.text(&["diff", run, path.to_str().unwrap(), "--json"]);
    let diff: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = &diff["changes"][0];
    assert_eq!((&first["what"], &first["ratio"]), (&"p50, ms".into(), &2.0.into()));
    let human = ran.folder.text(&["diff", run, path.to_str().unwrap()]);
    assert!(human.contains("p50"), "{human}");
    let unknown = ran.folder.run(&["diff", run, "beef"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains(run), "it lists the runs there are");
}

#[test]
fn nothing_is_left_after_compare() {
    let run = RAN.results.run.as_str();
    let text = RAN.folder.text(&["down", run, "--json"]);
    let taken: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(taken[0]["processes"], 0, "{text}");
    assert_eq!(taken[0]["control_groups"], 0, "{text}");
    assert_eq!(taken[0]["left"], 0, "{text}");
}

#[test]
fn cargo_install_gives_a_binary_that_runs_outside_the_checkout() {
    let folder = Folder::new();
    let crate_directory = env!("CARGO_MANIFEST_DIR");
    let installed = Command::new(env!("CARGO"))
        .args(["install", "--debug", "--locked", "--force", "--path", crate_directory, "--root"])
        .arg(folder.path())
        // Its own flags, not those of the cargo that runs this test.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let binary = folder.path().join("bin/gearshift");
    let empty = Folder::new();
    let ran = Command::new(&binary)
        .args(["compare", "--quick", "--calls", "20", "--rows", "ec2", "--json"])
        .current_dir(empty.path())
        // A user that never ran it: no cache, no services.
        .env("XDG_CACHE_HOME", empty.path().join("cache"))
        .output()
        .expect("the installed binary starts");
    let code = ran.status.code();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(matches!(code, Some(0 | 3)), "{code:?}: {said}");
    let results: Results = serde_json::from_slice(&ran.stdout).expect("results on standard output");
    assert!(results.rows[0].latency.is_some(), "{:?}", results.rows[0].reason);
    assert!(!Path::new(crate_directory).join(".gearshift").exists());
}
