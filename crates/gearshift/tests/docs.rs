//! The documents say what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gearshift_gear::Dimension;
use gearshift_price::PriceBook;
use gearshift_results::Results;

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
    assert!(readme.contains("\nscripts/test "), "the tests, as typed");
    assert!(read("scripts/test").contains("\nexec cargo test \"$@\"\n"), "all of them");
    let lines: Vec<&str> = ci.lines().map(str::trim).collect();
    for command in [
        "scripts/test",
        "cargo fmt --all --check",
        "cargo clippy --workspace --all-targets -- -D warnings",
    ] {
        assert!(lines.contains(&command), ".ci/run does not run `{command}` as it is");
    }
}

/// Two packages with a default program would leave `cargo run -- compare` without one.
#[test]
fn cargo_run_means_gearshift() {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let metadata = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let metadata = Command::new(cargo).args(metadata).current_dir(root()).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let default: Vec<_> = packages.filter_map(|package| package["default_run"].as_str()).collect();
    assert_eq!(default, ["gearshift"]);
}

#[test]
fn the_readmes_table_is_generated_from_the_results_in_the_tree() {
    let results: Results = serde_json::from_str(&read("docs/results.json")).unwrap();
    let readme = read("README.md");
    let table = gearshift_report::readme_table(&results);
    let generated = gearshift_report::replace_between(&readme, &table).unwrap();
    is_or_becomes("README.md", &readme, generated);
}

#[test]
fn the_table_of_the_price_books_is_generated_from_them() {
    let books: Vec<_> = PriceBook::regions().map(|one| PriceBook::shipped(one).unwrap()).collect();
    let instance = |of: &Dimension| matches!(of, Dimension::InstanceHour(_));
    let prices = books.iter().flat_map(PriceBook::prices).map(|price| &price.dimension);
    let dimensions: BTreeSet<_> = prices.filter(|dimension| !instance(dimension)).collect();
    let mut table = "| |".to_owned();
    books.iter().for_each(|book| table += &format!(" {} |", book.name()));
    table += &format!("\n|---|{}\n", "---|".repeat(books.len()));
    for dimension in dimensions {
        table += &format!("| {dimension} |");
        for book in &books {
            table += &match book.price(dimension) {
                Ok(price) if price.known_up_to().is_some() => format!(" {}… |", price.confidence),
                Ok(price) => format!(" {} |", price.confidence),
                Err(_) => " – |".to_owned(),
            };
        }
        table.push('\n');
    }
    table += "| instances of T2, T3, T3a, T4g |";
    for book in &books {
        let sizes = book.prices().filter(|price| instance(&price.dimension)).count();
        table += &format!(" {sizes} |");
    }
    let page = read("docs/prices.md");
    let generated = gearshift_report::replace_between(&page, &table).unwrap();
    is_or_becomes("docs/prices.md", &page, generated);
}

fn is_or_becomes(name: &str, text: &str, generated: String) {
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(root().join(name), generated).unwrap();
        return;
    }
    assert!(
        generated == text,
        "{name} differs from what it is made of → UPDATE_README=1 cargo test -p gearshift --test docs"
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
