//! Unmodified clients prove the twin: boto3, the AWS CLI, and in the function itself the Rust SDK
//! and `lambda_runtime`, each as its registry ships it.

#[path = "common/aws.rs"]
mod aws;
mod common;
#[path = "common/node.rs"]
mod node;
#[path = "common/objects.rs"]
mod objects;
#[path = "common/python.rs"]
mod python;
#[path = "common/raw.rs"]
mod raw;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use aws::{pointed_at, printed};
use common::{Folder, Up};
use gearshift_sandbox::{Marked, processes_of};
use python::{Python, scripts};
use raw::{Table, send};
use serde_json::{Value, json};

const ROW: &str = "lambda-rust-dynamodb";

#[test]
fn unmodified_clients_prove_the_twin_boto3_against_the_table_store() {
    let Some(python) = Python::or_skip() else { return };
    let (folder, up) = bare_row();
    let said = script(&python, &folder, &up, "table.py", &[]);
    assert!(said.starts_with("compared "), "{said}");
}

#[test]
fn unmodified_clients_prove_the_twin_boto3_against_the_object_store() {
    let Some(python) = Python::or_skip() else { return };
    let (folder, up) = bare_row();
    let said = script(&python, &folder, &up, "objects.py", &[]);
    assert!(said.starts_with("deleted "), "{said}");
}

#[test]
fn unmodified_clients_prove_the_twin_the_javascript_sdk_against_both_stores() {
    let Some(script) = node::script_or_skip() else { return };
    let (folder, up) = bare_row();
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(script);
    assert_eq!(printed(pointed_at(&up, folder.path(), command)), "both stores\n");
}

#[test]
fn unmodified_clients_prove_the_twin_the_aws_cli_against_the_object_store() {
    let Some(python) = Python::or_skip() else { return };
    let (folder, up) = bare_row();
    let aws = |arguments: &[&str]| {
        let mut command = Command::new(python.program("aws"));
        command.args(arguments).args(["--output", "json"]);
        let mut command = pointed_at(&up, folder.path(), command);
        // It leaves files it has read to be closed by themselves.
        command.env("PYTHONWARNINGS", "error,ignore::ResourceWarning");
        command
    };
    let answered = |arguments: &[&str]| -> Value {
        let said = printed(aws(arguments));
        if said.is_empty() { Value::Null } else { serde_json::from_str(&said).expect("JSON") }
    };
    let refused = |arguments: &[&str], code: &str| {
        let output = aws(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{arguments:?}: {said}");
    };
    let page: Vec<u8> =
        (0..9_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(folder.path().join("page.bin"), &page).expect("room");
    fs::write(folder.path().join("small.txt"), "small").expect("room");

    let at = ["--bucket", "site", "--key", "small.txt"];
    let s3api = |what: &[&str], more: &[&str]| answered(&[&["s3api"], what, more].concat());
    s3api(&["create-bucket", "--bucket", "site"], &[]);
    let put = [&["put-object", "--body", "small.txt"][..], &at].concat();
    let etag = s3api(&put, &[])["ETag"].as_str().expect("an ETag").to_owned();
    let head = s3api(&[&["head-object"][..], &at].concat(), &[]);
    assert_eq!((&head["ContentLength"], &head["ETag"]), (&json!(5), &json!(etag)));
    s3api(&[&["get-object"][..], &at, &["back.txt"]].concat(), &[]);
    assert_eq!(fs::read(folder.path().join("back.txt")).expect("it wrote"), b"small");
    let again = [&["s3api"][..], &put].concat();
    refused(&[&again[..], &["--if-none-match", "*"]].concat(), "PreconditionFailed");
    refused(&[&again[..], &["--if-match", "\"another\""]].concat(), "PreconditionFailed");
    s3api(&put, &["--if-match", &etag]);

    // Above 8 MB the CLI uploads in parts.
    let quiet = ["--only-show-errors", "--no-progress"];
    printed(aws(&[&["s3", "cp", "page.bin", "s3://site/page/index.bin"][..], &quiet].concat()));
    let head = s3api(&["head-object", "--bucket", "site", "--key", "page/index.bin"], &[]);
    assert!(head["ETag"].as_str().is_some_and(|etag| etag.ends_with("-2\"")), "{head}");
    printed(aws(&[&["s3", "cp", "s3://site/page/index.bin", "page.back"][..], &quiet].concat()));
    assert!(fs::read(folder.path().join("page.back")).expect("it wrote") == page);

    let listed = s3api(&["list-objects-v2", "--bucket", "site"], &[]);
    let keys: Vec<_> =
        listed["Contents"].as_array().expect("objects").iter().map(|o| &o["Key"]).collect();
    assert_eq!(keys, ["page/index.bin", "small.txt"]);
    s3api(&[&["delete-object"][..], &at].concat(), &[]);
    refused(&[&["s3api", "head-object"][..], &at].concat(), "404");
}

#[test]
fn unmodified_clients_prove_the_twin_boto3_against_the_invoke_api() {
    let Some(python) = Python::or_skip() else { return };
    let (folder, up) = bare_row();
    let said = script(&python, &folder, &up, "invoke.py", &[ROW]);
    assert!(said.starts_with("counted [1, 2, 3, 4"), "{said}");
}

#[test]
fn unmodified_clients_prove_the_twin_the_aws_cli() {
    let Some(python) = Python::or_skip() else { return };
    let (folder, up) = bare_row();
    let aws = |arguments: &[&str]| {
        let mut command = Command::new(python.program("aws"));
        command.args(arguments).args(["--output", "json"]);
        pointed_at(&up, folder.path(), command)
    };
    let answered = |arguments: &[&str]| -> Value {
        let said = printed(aws(arguments));
        if said.is_empty() { Value::Null } else { serde_json::from_str(&said).expect("JSON") }
    };

    let item = r#"{"id": {"N": "7"}, "hits": {"N": "41"}}"#;
    answered(&["dynamodb", "put-item", "--table-name", "hits", "--item", item]);
    let key = ["--table-name", "hits", "--key", r#"{"id": {"N": "7"}}"#];
    let got = answered(&[&["dynamodb", "get-item", "--consistent-read"][..], &key].concat());
    assert_eq!(got["Item"], json!({ "id": { "N": "7" }, "hits": { "N": "41" } }));
    let add = ["--update-expression", "ADD hits :one", "--return-values", "UPDATED_NEW"];
    let one = ["--expression-attribute-values", r#"{":one": {"N": "1"}}"#];
    let updated = answered(&[&["dynamodb", "update-item"][..], &key, &add, &one].concat());
    assert_eq!(updated, json!({ "Attributes": { "hits": { "N": "42" } } }));
    assert_eq!(Table { url: &up.endpoints["table"], credentials: up.credentials() }.hits(7), 42);

    let event = format!("fileb://{}", scripts().join("hits_event.json").display());
    let invoke = ["lambda", "invoke", "--payload", &event, "--function-name"];
    let invoked = answered(&[&invoke[..], &[ROW, "answer.json"]].concat());
    assert_eq!(invoked, json!({ "StatusCode": 200, "ExecutedVersion": "$LATEST" }));
    let answer = fs::read(folder.path().join("answer.json")).expect("the CLI wrote it");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("1")));
    let refused = aws(&[&invoke[..], &["nobody", "answer.json"]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("ResourceNotFoundException"), "{said}");
}

#[test]
fn unmodified_clients_prove_the_twin_lambda_runtime_and_the_rust_sdk() {
    let (_folder, up) = bare_row();
    let table = Table { url: &up.endpoints["table"], credentials: up.credentials() };
    assert_eq!(functions_of(&up), [], "a function ran before anyone called it");

    let post = |url: &str, body: &str| send("POST", url, &[], body).expect("an answer");
    let through_gateway = post(&format!("{}/hits", up.url), "");
    assert_eq!((through_gateway.status, through_gateway.text().as_str()), (200, "1"));
    assert_eq!(table.hits(0), 1, "what the Rust SDK wrote");

    let event = fs::read_to_string(scripts().join("hits_event.json")).expect("an event");
    let invoke = format!("{}/2015-03-31/functions/{ROW}/invocations", up.endpoints["invoke"]);
    let invoked = raw::invoke(up.credentials(), &invoke, &event);
    assert_eq!((invoked.status, &invoked.json()["body"]), (200, &json!("2")));
    assert_eq!(table.hits(0), 2);

    // It reads what others have written, through the same SDK.
    table.add(0).expect("the table answers");
    let read = send("GET", &format!("{}/hits/count", up.url), &[], "").expect("an answer");
    assert_eq!((read.status, read.text().as_str()), (200, "3"));

    let functions = functions_of(&up);
    assert!(!functions.is_empty(), "no process of this run is a function");
    for function in functions {
        it_is_the_shipped_program(&function);
        let variables = variables_of(function.pid);
        assert_eq!(variables["AWS_ENDPOINT_URL_DYNAMODB"], up.endpoints["table"]);
        assert!(variables["AWS_LAMBDA_RUNTIME_API"].starts_with("127.0.0.1:"), "{variables:?}");
        assert!(!variables.contains_key("PORT"), "it was told to be a server: {variables:?}");
    }
}

/// Whoever replaces the object replaces the page: no function and no copy is asked.
#[test]
fn the_page_of_a_function_row_comes_from_the_object_store_through_the_gateway() {
    gearshift_testing::needs!("curl");
    let (_folder, up) = bare_row();
    let page = || send("GET", &format!("{}/", up.url), &[], "").expect("an answer");
    let first = page();
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(first.text().starts_with("<!doctype html>"), "{}", first.text());
    assert_eq!(functions_of(&up), [], "a function was started for the page");
    let other = "<!doctype html><p>another page";
    let options = ["-X", "PUT", "-H", "content-type: text/html", "--data-binary", other];
    let (status, said) =
        objects::curl(&up.endpoints["objects"], up.credentials(), "/pages/index.html", &options);
    assert_eq!(status, 200, "{said}");
    assert_eq!(page().text(), other);
    let head = send("HEAD", &format!("{}/", up.url), &[], "").expect("an answer");
    assert_eq!((head.status, head.text().as_str()), (200, ""));
}

/// What is proved by "unmodified": the function's clients come from the public registry.
#[test]
fn unmodified_clients_prove_the_twin_nothing_is_patched() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let lock = fs::read_to_string(workspace.join("Cargo.lock")).expect("Cargo.lock");
    for name in ["lambda_runtime", "lambda_http", "aws-sdk-dynamodb", "aws-config"] {
        let entry = lock
            .split("[[package]]")
            .find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")));
        let entry = entry.unwrap_or_else(|| panic!("{name} is not in Cargo.lock"));
        assert!(entry.contains("\nsource = \"registry+"), "{name}: {entry}");
    }
    let manifest = fs::read_to_string(workspace.join("Cargo.toml")).expect("Cargo.toml");
    assert!(!manifest.contains("[patch"), "the workspace patches its dependencies");
}

/// A row without laws: what clients see of it is the same, only sooner.
fn bare_row() -> (Folder, Up) {
    let folder = Folder::new();
    let up = folder.up(ROW, &["--physics", "off"]);
    (folder, up)
}

fn script(python: &Python, folder: &Folder, up: &Up, name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(python.program("python"));
    command.arg(scripts().join(name)).args(arguments);
    printed(pointed_at(up, folder.path(), command))
}

/// The processes of this run's execution environments, from the process table.
fn functions_of(up: &Up) -> Vec<Marked> {
    let run = up.run.parse().expect("a run id");
    let of_function = format!("{ROW}.fn");
    let mut processes = processes_of(&run);
    processes.retain(|process| process.member.starts_with(&of_function));
    processes
}

fn it_is_the_shipped_program(function: &Marked) {
    let program = format!("/proc/{}/exe", function.pid);
    let path = fs::read_link(&program).expect("it runs");
    assert!(path.ends_with("function-rust"), "{}", path.display());
    let shipped = gearshift_services::service("function-rust").expect("it is built in");
    assert!(fs::read(&program).expect("it runs") == shipped.bytes(), "another program runs");
}

fn variables_of(pid: i32) -> BTreeMap<String, String> {
    let text = fs::read(format!("/proc/{pid}/environ")).expect("it runs");
    let text = String::from_utf8_lossy(&text).into_owned();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
