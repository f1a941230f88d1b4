//! A drafted file is a file that works: it is read again, and starts what the folder holds.

use std::fs;
use std::path::Path;

use gearshift_manifest::{FILE, Manifest, init};
use tempfile::TempDir;

/// What is drafted for a folder with these files; it must be a whole manifest.
fn drafted(files: &[(&str, &str)]) -> (Vec<String>, String) {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let draft = init::look(folder.path()).expect("a draft");
    let text = init::render(&draft);
    let path = folder.path().join(FILE);
    let manifest = Manifest::parse(&text, &path).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(manifest.name.as_str(), draft.name);
    (manifest.service.unwrap().command.as_ref().unwrap().words(), text)
}

fn command(files: &[(&str, &str)]) -> String {
    drafted(files).0.join(" ")
}

#[test]
fn each_language_is_recognised_by_its_files() {
    let package = |name: &str| format!("[package]\nname = \"{name}\"\n");
    let cargo = package("shop");
    assert_eq!(command(&[("Cargo.toml", &cargo)]), "target/release/shop");
    let named = format!("{cargo}[[bin]]\nname = \"serve\"\npath = \"a.rs\"\n");
    assert_eq!(command(&[("Cargo.toml", &named)]), "target/release/serve");
    assert_eq!(command(&[("go.mod", "module example.com/shop\n\ngo 1.22\n")]), "./shop");
    let node = r#"{"name":"shop","scripts":{"start":"node server.js"}}"#;
    assert_eq!(command(&[("package.json", node)]), "node server.js");
    let tool = r#"{"scripts":{"start":"next build && next start"}}"#;
    assert_eq!(command(&[("package.json", tool)]), "npm --silent start");
    let files = r#"{"dependencies":{"http-server":"14"}}"#;
    assert_eq!(
        command(&[("package.json", files)]),
        "node_modules/.bin/http-server -a $HOST -p $PORT"
    );
    let docker = "FROM python:3.12\nCMD [\"python\", \"-m\", \"shop\"]\n";
    assert_eq!(command(&[("Dockerfile", docker)]), "python -m shop");
    let both = "FROM a\nENTRYPOINT [\"./shop\"]\nCMD [\"--port\", \"80\"]\n";
    assert_eq!(command(&[("Dockerfile", both)]), "./shop --port 80");
    let pages = command(&[("index.html", "<p>hello")]);
    assert_eq!(pages, "static-web-server --host $HOST --port $PORT --root .");
}

#[test]
fn a_python_application_is_found_where_it_is_made() {
    let flask = "from flask import Flask\n\napp = Flask(__name__)\n";
    let alone = command(&[("app.py", flask), ("requirements.txt", "flask\n")]);
    assert_eq!(alone, "gunicorn --bind $HOST:$PORT app:app");
    let api = "import fastapi\nservice: fastapi.FastAPI = fastapi.FastAPI()\n";
    let inside =
        command(&[("shop/__init__.py", ""), ("shop/main.py", api), ("pyproject.toml", "")]);
    assert_eq!(inside, "uvicorn --host $HOST --port $PORT shop.main:service");
    let django = command(&[("manage.py", ""), ("site/wsgi.py", "application = 1\n")]);
    assert_eq!(django, "gunicorn --bind $HOST:$PORT site.wsgi");
    let installed = [("app.py", flask), (".venv/bin/gunicorn", ""), ("requirements.txt", "")];
    assert!(command(&installed).starts_with(".venv/bin/gunicorn "));
}

#[test]
fn what_was_guessed_stands_beside_it_to_be_checked() {
    let (_, text) = drafted(&[("requirements.txt", "flask\n")]);
    assert!(text.contains("# Please check: no application was found"), "{text}");
    assert!(text.contains("# Once before: python3 -m venv .venv"), "{text}");
}

#[test]
fn a_folder_without_a_service_gives_no_draft() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
    assert_eq!(init::look(folder.path()), None);
}

#[test]
fn a_static_program_is_recognised_by_its_content() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let place = |name: &str, content: &[u8], mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    place("a-script", b"#!/bin/sh\n", 0o755);
    place("data", b"\x7fELF data", 0o644);
    assert_eq!(init::look(folder.path()), None);
    place("server", b"\x7fELF\x02", 0o755);
    assert_eq!(init::look(folder.path()).unwrap().command, ["./server"]);
}

#[test]
fn every_key_is_in_the_schema_the_docs_and_the_parser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = fs::read_to_string(root.join("schema/gearshift.schema.json")).unwrap_or_default();
    let schema = serde_json::to_string_pretty(&gearshift_manifest::schema()).unwrap() + "\n";
    if std::env::var_os("GEARSHIFT_UPDATE").is_some() {
        fs::write(root.join("schema/gearshift.schema.json"), &schema).unwrap();
    }
    assert!(
        shipped == schema || std::env::var_os("GEARSHIFT_UPDATE").is_some(),
        "the shipped schema is another → GEARSHIFT_UPDATE=1 cargo test -p gearshift-manifest"
    );
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let docs = fs::read_to_string(root.join("../../docs/manifest.md")).unwrap();
    let tables = schema["$defs"].as_object().unwrap().iter();
    let tables = tables.filter(|(_, of)| of["properties"].is_object());
    let tables = tables.map(|(name, of)| (name.to_lowercase(), of));
    let mut keys = Vec::new();
    for (table, of) in tables.chain([(String::new(), &schema)]) {
        for key in of["properties"].as_object().unwrap().keys() {
            let table = if table == "request" { "requests".to_owned() } else { table.clone() };
            keys.push(if table.is_empty() { key.clone() } else { format!("{table}.{key}") });
        }
    }
    // A table is named by its keys.
    let tables = keys.clone();
    keys.retain(|key| !tables.iter().any(|other| other.starts_with(&format!("{key}."))));
    assert!(keys.len() > 25, "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !docs.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/manifest.md does not name {missing:?}");
    let told = docs.lines().filter_map(|line| line.strip_prefix("| `"));
    let told = told.filter_map(|line| line.split('`').next()).map(str::to_owned);
    let unknown: Vec<_> = told.filter(|key| !keys.contains(key)).collect();
    assert!(unknown.is_empty(), "docs/manifest.md names {unknown:?}, which is no key");
}
