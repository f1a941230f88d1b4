//! A Rust service.

use super::{Draft, Folder, fitting};

pub(super) fn look(folder: &Folder<'_>) -> Option<Draft> {
    let manifest: toml::Table = toml::from_str(&folder.text("Cargo.toml")?).ok()?;
    let text = |table: &toml::Value, key: &str| Some(table.get(key)?.as_str()?.to_owned());
    let package = manifest.get("package").and_then(|package| text(package, "name"));
    let binaries = manifest.get("bin").and_then(toml::Value::as_array);
    let binaries: Vec<String> =
        binaries.into_iter().flatten().filter_map(|binary| text(binary, "name")).collect();
    let mut doubts = Vec::new();
    let binary = match (binaries.as_slice(), package) {
        ([], None) => {
            doubts.push("this is a workspace: write the name of the binary that serves".to_owned());
            folder.name()
        }
        ([], Some(package)) => package,
        ([one], _) => one.clone(),
        ([first, ..], _) => {
            doubts.push(format!("the first of {}: which one serves?", binaries.join(", ")));
            first.clone()
        }
    };
    doubts.push("does it listen on the port in $PORT?".to_owned());
    Some(Draft {
        seen: "Cargo.toml".to_owned(),
        name: fitting(&binary),
        command: vec![format!("target/release/{binary}")],
        before: Some("cargo build --release".to_owned()),
        doubts,
    })
}
