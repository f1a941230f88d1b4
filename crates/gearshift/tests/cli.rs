//! The command line: what is refused, how it is said, and what `--help` promises.

mod common;
#[path = "common/traces.rs"]
mod traces;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use common::Folder;
use gearshift_gear::CATALOGUE;
use serde_json::Value;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// The command is refused with this exit code, says all of this on standard error, and nothing on
/// standard output; and nothing was started or written.
fn assert_refused(arguments: &[&str], code: i32, says: &[&str]) {
    let folder = Folder::new();
    let output = folder.run(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert_eq!(stdout(&output), "", "{arguments:?}");
    for part in says {
        assert!(said.contains(part), "{arguments:?}: `{part}` is missing from {said}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it is there").flatten().collect();
    assert!(left.is_empty(), "{arguments:?} left {left:?}");
}

#[test]
fn an_unknown_row_is_refused_with_the_known_ones() {
    let names: Vec<&str> = CATALOGUE.rows().iter().map(|row| row.name.as_str()).collect();
    for arguments in [&["compare", "--rows", "ec2,ec3"][..], &["up", "ec3"]] {
        assert_refused(arguments, 2, &[&["`ec3`"], &names[..]].concat());
    }
}

#[test]
fn an_unknown_region_is_refused_with_the_known_ones() {
    let known = ["`mars-1`", "eu-west-2", "us-east-1", "ap-southeast-1"];
    assert_refused(&["compare", "--rows", "ec2", "--region", "mars-1"], 2, &known);
}

#[test]
fn bad_values_are_refused_with_what_would_be_good() {
    let cases: [(&[&str], &[&str]); 11] = [
        (&["--match-vcpu", "much"], &["--match-vcpu", "auto, off, or a factor from 0.1 to 20"]),
        (&["--match-vcpu", "0"], &["--match-vcpu", "0.1 to 20"]),
        (&["--match-vcpu", "21"], &["--match-vcpu", "0.1 to 20"]),
        (&["--match-vcpu", "NaN"], &["--match-vcpu", "0.1 to 20"]),
        (&["--calls", "19"], &["--calls", "20..="]),
        (&["--calls", "-1"], &["unexpected argument"]),
        (&["--calls", "many"], &["--calls", "invalid digit"]),
        (&["--caller", "mars"], &["--caller", "same-subnet, region or home"]),
        (&["--physics", "maybe"], &["--physics", "on, off"]),
        (&["--seed", "x"], &["--seed"]),
        (&["--rows", "ec2,ec2"], &["row ec2 is named twice"]),
    ];
    for (given, says) in cases {
        assert_refused(&[&["compare"], given].concat(), 2, says);
    }
    assert_refused(&["up"], 2, &["<ROW>"]);
    assert_refused(&["down", "nonsense"], 2, &["`nonsense`", "hex digits, such as 7f3a"]);
    assert_refused(&["fly"], 2, &["fly", "Usage: gearshift"]);
    assert_refused(&["completions", "tcsh"], 2, &["bash", "zsh", "fish"]);
}

#[test]
fn a_row_that_is_not_built_is_skipped_with_its_reason() {
    let unbuilt = CATALOGUE.rows().iter().find(|row| !row.built);
    // Once all are, there is nothing to skip.
    let Some(unbuilt) = unbuilt else { return };
    let folder = Folder::new();
    let rows = ["compare", "--rows", &unbuilt.name];
    let output = folder.run(&rows);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    let line = table.lines().find(|line| line.starts_with(&unbuilt.name)).expect("a line");
    assert!(line.contains("skipped: ") && line.contains("not built yet"), "{line}");
    let strict = folder.run(&[&rows[..], &["--strict"]].concat());
    assert_eq!(strict.status.code(), Some(1), "{}", stderr(&strict));
    let json = folder.run(&[&rows[..], &["--json"]].concat());
    let results: Value = serde_json::from_str(&stdout(&json)).expect("one JSON document");
    let row = &results["rows"][0];
    assert_eq!((&row["row"], &row["state"]), (&unbuilt.name.as_str().into(), &"skipped".into()));
    for named in ["reason", "command"] {
        assert!(row[named].as_str().is_some_and(|text| !text.is_empty()), "{named}: {row}");
    }
    assert_refused(&["up", &unbuilt.name], 1, &[&unbuilt.name, "not built yet", "gearshift gears"]);
}

#[test]
fn a_folder_that_takes_no_results_is_refused_before_anything_is_measured() {
    let folder = Folder::new();
    std::fs::write(folder.path().join(".gearshift"), "in the way").expect("writable");
    let output = folder.run(&["compare", "--rows", "ec2"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    assert!(stderr(&output).contains(".gearshift/runs"), "{}", stderr(&output));
}

#[test]
fn a_folder_that_is_not_writable_is_refused_by_name() {
    let folder = Folder::new();
    // Nobody's rights are checked for root, so root runs it as somebody else.
    let mut command = folder.gearshift(&["compare", "--rows", "ec2"]);
    if nix::unistd::getuid().is_root() {
        command.uid(65_534).gid(65_534);
        // With a cache of their own: root's is root's alone.
        let cache = folder.path().join("cache");
        std::fs::create_dir(&cache).expect("it is ours");
        std::os::unix::fs::chown(&cache, Some(65_534), None).expect("root may");
        command.env("XDG_CACHE_HOME", cache);
        let anyone = Command::new("true").uid(65_534).current_dir(folder.path()).status();
        if anyone.is_err() {
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))
                .expect("it is ours");
        }
    }
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).expect("it is ours");
    let output = match command.output() {
        Ok(output) => output,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "somebody else cannot run it: {why}");
            eprintln!("SKIPPED: somebody else cannot run it: {why}");
            return;
        }
    };
    let said = stderr(&output);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()), "{said}");
    for part in [".gearshift/runs", "Permission denied"] {
        assert!(said.contains(part), "`{part}` is missing from {said}");
    }
}

#[test]
fn two_comparisons_in_one_folder_do_not_disturb_each_other() {
    let folder = Folder::new();
    let compare = ["compare", "--quick", "--calls", "20", "--rows", "ec2", "--json"];
    let start = || {
        let mut command = folder.gearshift(&compare);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    };
    let outputs = [start(), start()].map(|child| child.wait_with_output().expect("it ends"));
    let mut runs = BTreeMap::new();
    for output in &outputs {
        let results: Value = serde_json::from_str(&stdout(output)).expect("one JSON document");
        let row = &results["rows"][0];
        let state = row["state"].as_str().expect("a word");
        let expected = if state == "INVALID" { 3 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{row}");
        if state != "ok" {
            // Too few cores for two, or noise of the one in the other's measurement.
            assert!(row["reason"].as_str().is_some_and(|why| !why.is_empty()), "{row}");
        }
        let run = results["run"].as_str().expect("a run").to_owned();
        let kept = folder.path().join(".gearshift/runs").join(&run).join("results.json");
        let kept = std::fs::read_to_string(&kept).expect("kept in the folder");
        let kept: Value = serde_json::from_str(&kept).expect("whole");
        assert_eq!(kept, results, "what is printed is what is kept");
        runs.insert(run, row.clone());
    }
    assert_eq!(runs.len(), 2, "each has a run of its own");
    let measured = |row: &Value| row["latency"].is_object();
    assert!(runs.values().any(measured), "one of them at least was measured: {runs:?}");
    for row in runs.values().filter(|row| !measured(row)) {
        let why = row["reason"].as_str().expect("said above");
        assert!(why.contains("cores of this machine") && why.contains("free"), "{why}");
    }
    for run in runs.keys() {
        assert_eq!(traces::of(run, &folder), Vec::<String>::new());
    }
    let stray = traces::stray_files(&folder);
    assert!(stray.is_empty(), "{stray:?}");
}

#[test]
fn gears_lists_the_catalogue() {
    let folder = Folder::new();
    let text = folder.text(&["gears"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), CATALOGUE.rows().len(), "{text}");
    for (line, row) in lines.iter().zip(CATALOGUE.rows()) {
        assert!(line.split_whitespace().next() == Some(&row.name), "{line}");
        assert_eq!(line.contains("not built yet"), !row.built, "{line}");
    }
    let json: Value = serde_json::from_str(&folder.text(&["gears", "--json"])).expect("JSON");
    let rows = json.as_array().expect("a list");
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().expect("text")).collect();
    assert_eq!(names, CATALOGUE.rows().iter().map(|row| &row.name).collect::<Vec<_>>());
    let built: Vec<_> = rows.iter().map(|row| row["built"].as_bool().expect("a truth")).collect();
    assert_eq!(built, CATALOGUE.rows().iter().map(|row| row.built).collect::<Vec<_>>());
}

/// The verbs, as `gearshift --help` lists them.
fn verbs(folder: &Folder) -> Vec<String> {
    let help = folder.text(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    // A line that goes on is indented further.
    let listed = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let words = listed.filter_map(|line| line.split_whitespace().next());
    words.filter(|verb| *verb != "help").map(str::to_owned).collect()
}

#[test]
fn help_of_every_verb_explains_every_flag() {
    let folder = Folder::new();
    let flags: [(&str, &[&str]); 4] = [
        (
            "compare",
            &[
                "--rows",
                "--calls",
                "--quick",
                "--seed",
                "--caller",
                "--physics",
                "--match-vcpu",
                "--region",
                "--strict",
                "--json",
            ],
        ),
        ("up", &["<ROW>", "--caller", "--physics", "--seed", "--region", "--json"]),
        ("down", &["[RUN]", "--all", "--json"]),
        ("gears", &["--json"]),
    ];
    let verbs = verbs(&folder);
    for (verb, flags) in flags {
        assert!(verbs.iter().any(|listed| listed == verb), "{verb} is missing from {verbs:?}");
        let help = folder.text(&[verb, "--help"]);
        for flag in flags {
            assert!(help.contains(flag), "{verb} --help does not name {flag}: {help}");
        }
    }
    for verb in &verbs {
        let help = folder.text(&[verb, "--help"]);
        let first = help.lines().next().unwrap_or_default();
        assert!(first.split(' ').count() >= 3, "{verb} --help begins with no sentence: {first}");
        for (flag, explained) in explanations(&help) {
            assert!(explained.split(' ').count() >= 2, "{verb} --help does not explain {flag}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{verb}: wider than 100");
    }
    let help = folder.text(&["--help"]);
    for promised in ["Exit codes", "--version"] {
        assert!(help.contains(promised), "{promised} is missing from {help}");
    }
}

/// The flags of a help text and what is said of each.
fn explanations(help: &str) -> Vec<(String, String)> {
    let options = help.lines().skip_while(|line| *line != "Options:").skip(1);
    let mut found: Vec<(String, String)> = Vec::new();
    for line in options.take_while(|line| !line.is_empty()) {
        let text = line.trim();
        // Explanations stand further to the right, whatever they begin with.
        if line.len() - text.len() <= 6 && text.starts_with('-') {
            let (flag, explained) = text.split_once("  ").unwrap_or((text, ""));
            found.push((flag.to_owned(), explained.trim().to_owned()));
        } else {
            let last = found.last_mut().expect("an option comes first");
            last.1.push_str(&format!(" {text}"));
        }
    }
    assert!(!found.is_empty(), "no option in {help}");
    found
}

#[test]
fn completions_complete_every_verb() {
    let folder = Folder::new();
    let script = folder.text(&["completions", "bash"]);
    let path = folder.path().join("completions.bash");
    std::fs::write(&path, &script).expect("writable");
    // As a shell asks: the words so far, the word under the cursor, the one before it.
    let ask = format!(
        "source {} && COMP_WORDS=(gearshift '') COMP_CWORD=1 && _gearshift gearshift '' gearshift \
         && echo \"${{COMPREPLY[@]}}\"",
        path.display()
    );
    let asked = Command::new("bash").args(["-c", &ask]).output().expect("bash is here");
    assert!(asked.status.success(), "{}", stderr(&asked));
    let offered = stdout(&asked);
    for verb in verbs(&folder) {
        assert!(offered.split_whitespace().any(|word| word == verb), "{verb}: {offered}");
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(folder.text(&["completions", shell]).contains("gearshift"), "{shell}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let said = Folder::new().text(&["--version"]);
    assert_eq!(said.trim(), concat!("gearshift ", env!("CARGO_PKG_VERSION")));
}
