//! The documents say what is there.

use std::fs;
use std::path::{Path, PathBuf};

use gearshift_compare::Results;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_readmes_test_command_is_what_ci_runs() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    assert!(readme.contains("cargo run --release -- compare "), "the main job, as typed");
    assert!(readme.contains("\ncargo test "), "the tests, as typed");
    let lines: Vec<&str> = ci.lines().map(str::trim).collect();
    for command in [
        "cargo test",
        "cargo fmt --all --check",
        "cargo clippy --workspace --all-targets -- -D warnings",
    ] {
        assert!(lines.contains(&command), ".ci/run does not run `{command}` as it is");
    }
}

#[test]
fn the_readmes_table_is_generated_from_the_results_in_the_tree() {
    let results: Results = serde_json::from_str(&read("docs/results.json")).unwrap();
    let readme = read("README.md");
    let table = gearshift_report::readme_table(&results);
    let generated = gearshift_report::replace_between(&readme, &table).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(root().join("README.md"), generated).unwrap();
        return;
    }
    assert!(
        generated == readme,
        "README.md differs from docs/results.json → UPDATE_README=1 cargo test -p gearshift --test docs"
    );
}

#[test]
fn the_map_names_every_crate_with_its_invariants() {
    let map = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let row = map.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in the table of ARCHITECTURE.md"));
        assert!(row.split('|').nth(3).is_some_and(|cell| cell.trim().len() > 10), "{row}");
    }
    for line in
        map.lines().flat_map(|line| line.split('`')).filter(|word| word.starts_with("crates/"))
    {
        assert!(root().join(line).exists(), "ARCHITECTURE.md names {line}, which is not there");
    }
}

#[test]
fn the_house_has_its_papers_and_no_paths_of_a_machine() {
    for name in [
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "ARCHITECTURE.md",
    ] {
        let text = read(name);
        assert!(text.len() > 300, "{name}");
        assert!(
            !text.contains("/home/") && !text.contains("/root/"),
            "{name} names a path of a machine"
        );
    }
}
