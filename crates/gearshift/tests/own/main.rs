//! A service or function of the user's, as the user runs it.

#[path = "../common/mod.rs"]
mod common;
mod functions;
mod images;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use common::Folder;
use serde_json::Value;

/// Types the lines that the docs give under this heading, up to `gearshift compare`.
fn as_typed(folder: &Folder, heading: &str) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/services.md");
    let docs = std::fs::read_to_string(docs).expect("the docs");
    let (_, section) = docs.split_once(&format!("## {heading}\n")).expect("the heading");
    let (_, block) = section.split_once("```sh\n").expect("a block");
    let (block, _) = block.split_once("gearshift compare\n```").expect("compare as its last line");
    assert!(block.contains("gearshift init\n"), "{block}");
    sh(folder, &format!("set -e\n{block}"));
}

/// A shell line, with `gearshift` on the path; loud where it fails.
fn sh(folder: &Folder, line: &str) {
    let this = Path::new(env!("CARGO_BIN_EXE_gearshift")).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(line).current_dir(folder.path());
    shell.env("PATH", format!("{}:{path}", this.display()));
    // What the tests compile by the way is kept between their runs.
    shell.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("services"));
    let output = shell.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {}: {said}", output.status);
}

fn write(folder: &Folder, name: &str, content: &str) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// The last line of the docs, in short; the drafted file names the rows.
const COMPARE: [&str; 5] = ["compare", "--quick", "--calls", "20", "--json"];

/// A noisy machine (exit code 3) is no failure here.
fn results_of(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}: {said}", output.status);
    serde_json::from_slice(&output.stdout).expect("results")
}

fn row<'a>(results: &'a Value, name: &str) -> &'a Value {
    let rows = results["rows"].as_array().expect("rows");
    rows.iter().find(|row| row["row"] == name).unwrap_or_else(|| panic!("{name} is missing"))
}

/// The row answered, was measured, and cost something.
fn ran(results: &Value, name: &str) {
    let row = row(results, name);
    assert_eq!(row["code"], "own", "{row}");
    assert_ne!(row["state"], "skipped", "{row}");
    assert!(row["latency"]["n"].as_u64() >= Some(19), "{name}: {}", row["latency"]);
    assert_eq!(row["cold"]["n"], 9, "{name}: {}", row["cold"]);
    assert!(row["money"].is_object(), "{name} has no bill");
}

const FLASK: &str = "from flask import Flask\n\napp = Flask(__name__)\nhits = 0\n\n\
    @app.get(\"/\")\ndef root():\n    return \"hello\"\n\n\
    @app.post(\"/hits\")\ndef add():\n    global hits\n    hits += 1\n    return str(hits)\n\n\
    @app.get(\"/hits\")\ndef read():\n    return str(hits)\n";

/// A small Flask app that counts in memory, compared on all three rows.
static FLASK_APP: LazyLock<(Value, String)> = LazyLock::new(|| {
    let folder = Folder::new();
    write(&folder, "app.py", FLASK);
    write(&folder, "requirements.txt", "flask==3.1.2\n");
    as_typed(&folder, "A Flask app behind gunicorn");
    let path = folder.path().join("gearshift.toml");
    let drafted = std::fs::read_to_string(&path).unwrap();
    let counter = "\n[counter]\nadd = \"/hits\"\nread = \"/hits\"\n";
    std::fs::write(&path, drafted + counter).unwrap();
    let results = results_of(&folder.run(&COMPARE));
    let run = results["run"].as_str().expect("a run").to_owned();
    let report = folder.path().join(".gearshift/runs").join(run).join("report.md");
    (results, std::fs::read_to_string(report).expect("a report"))
});

#[test]
fn a_flask_app_behind_gunicorn_runs_from_init_to_compare_on_three_rows() {
    gearshift_testing::needs!("pip", "node", "npm");
    let (results, _) = &*FLASK_APP;
    for name in ["ec2", "fargate", "lambda"] {
        ran(results, name);
    }
    assert_eq!(row(results, "lambda")["runtime"]["name"], "gearshift-entry");
}

#[test]
fn compare_says_which_rows_lose_state_and_why() {
    gearshift_testing::needs!("pip", "node", "npm");
    let (results, report) = &*FLASK_APP;
    let keeps = |name: &str| row(results, name)["keeps"].clone();
    let (ec2, lambda) = (keeps("ec2"), keeps("lambda"));
    assert_eq!((&ec2["together"], &ec2["replaced"]), (&true.into(), &false.into()), "{ec2}");
    assert_eq!((&lambda["together"], &lambda["replaced"]), (&false.into(), &false.into()));
    assert!(lambda["members"].as_u64() > Some(1), "{lambda}");
    for sentence in [
        "lambda: 30 s until an answer is whole, 6 MB a request, 6 MB an answer, no streaming",
        "fargate: 60 s of silence",
        "state is kept on 0 of 3",
        "ec2 loses it: a new member begins anew",
        "each counts for itself",
    ] {
        assert!(report.contains(sentence), "{sentence:?} is missing from {report}");
    }
}

#[test]
fn http_server_of_npm_runs_from_init_to_compare_on_three_rows() {
    gearshift_testing::needs!("pip", "node", "npm");
    let folder = Folder::new();
    write(&folder, "public/index.html", "<p>hello\n");
    as_typed(&folder, "Pages by http-server");
    let results = results_of(&folder.run(&COMPARE));
    for name in ["ec2", "fargate", "lambda"] {
        ran(&results, name);
    }
}

#[test]
fn static_web_server_of_cargo_runs_from_init_to_compare_on_three_rows() {
    gearshift_testing::needs!("pip", "node", "npm");
    let folder = Folder::new();
    write(&folder, "index.html", "<p>hello\n");
    as_typed(&folder, "Pages by static-web-server");
    // The line of the docs puts it on the path of one shell.
    let bin = folder.path().join("bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut compare = folder.gearshift(&COMPARE);
    let output = compare.env("PATH", format!("{}:{path}", bin.display())).output();
    let results = results_of(&output.expect("gearshift starts"));
    for name in ["ec2", "fargate", "lambda"] {
        ran(&results, name);
    }
}

fn refused(folder: &Folder, arguments: &[&str], parts: &[&str]) {
    let output: Output = folder.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{arguments:?}: {part:?} is missing from {said}");
    }
}

#[test]
fn what_cannot_be_started_is_refused_before_anything_runs() {
    gearshift_testing::needs!("pip", "node", "npm");
    let folder = Folder::new();
    refused(
        &folder,
        &["init"],
        &["nothing that starts a service", "Cargo.toml", "docs/manifest.md"],
    );
    refused(&folder, &["init", "nowhere"], &["nowhere is no folder"]);
    refused(
        &folder,
        &["compare", "--rows", "lambda"],
        &["runs a service of yours", "gearshift init"],
    );
    refused(&folder, &["compare", "--config", "no.toml"], &["no.toml", "gearshift init"]);
    write(&folder, "index.html", "<p>hello");
    folder.text(&["init"]);
    refused(&folder, &["init"], &["is there already", "nothing was changed", "--force"]);
    let ours = ["compare", "--rows", "lambda-rust-dynamodb"];
    refused(
        &folder,
        &ours,
        &["lambda-rust-dynamodb takes no service of yours", "ec2", "--builtin"],
    );
    write(&folder, "gearshift.toml", "name = \"a\"\n[service]\ncommand = \"./gone $PORT\"\n");
    for verb in [&["compare"][..], &["up", "ec2"]] {
        refused(&folder, verb, &["./gone is neither in", "PATH", "build or install it"]);
    }
    write(&folder, "gearshift.toml", "name = \"a\"\n[service]\ncommand = \"sh\"\nport = 1\n");
    refused(&folder, &["compare"], &["gearshift.toml:4:1", "unknown field `port`", "`health`"]);
    let left = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name == ".gearshift").collect();
    assert!(left.is_empty(), "something was measured");
}
