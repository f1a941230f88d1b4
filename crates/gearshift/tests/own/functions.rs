//! Functions as they are: handlers written the way public examples are, run unmodified.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::Folder;
use crate::{sh, write};

/// A function in a folder of its own.
fn function(runtime: &str, handler: &str, files: &[(&str, &str)], more: &str) -> Folder {
    let folder = Folder::new();
    for (name, content) in files {
        write(&folder, name, content);
    }
    let manifest = format!(
        "name = \"users\"\n[function]\nruntime = \"{runtime}\"\nhandler = \"{handler}\"\n{more}"
    );
    write(&folder, "gearshift.toml", &manifest);
    folder
}

fn invoke(folder: &Folder, event: &str) -> (Option<i32>, Value) {
    write(folder, "event.json", event);
    let output = folder.run(&["invoke", "lambda", "--payload", "event.json", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let invoked = serde_json::from_slice(&output.stdout);
    (output.status.code(), invoked.unwrap_or_else(|error| panic!("{error}: {said}")))
}

#[test]
fn a_python_handler_puts_updates_gets_and_lists_unmodified() {
    gearshift_testing::needs!("pip", "node", "npm");
    let stores = "timeout = 20\nbuckets = [\"photos\"]\n[[function.tables]]\nname = \"users\"\nkey = \"id\"\n";
    let folder = function(
        "python3.12",
        "app.handler",
        &[("app.py", include_str!("handlers/boto3.py"))],
        stores,
    );
    let (code, invoked) = invoke(&folder, r#"{"id":"7"}"#);
    assert_eq!(code, Some(0), "{invoked}");
    let body = invoked["payload"]["body"].as_str().expect("a body");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({"n": 2, "keys": ["a"], "scanned": 1}));
    let log = invoked["log"].as_str().unwrap();
    for part in ["START RequestId:", "REPORT RequestId:", "Billed Duration:", "Init Duration:"] {
        assert!(log.contains(part), "{part} is missing from {log}");
    }
}

#[test]
fn another_version_than_asked_for_is_named_and_strict_refuses_it() {
    gearshift_testing::needs!("pip", "node", "npm");
    let code = "def handler(event, context):\n    return 'hello'\n";
    let folder = function("python3.99", "app.handler", &[("app.py", code)], "");
    let up: Value = serde_json::from_str(&folder.text(&["up", "lambda", "--json"])).unwrap();
    let note = up["runtime"]["note"].as_str().unwrap_or_default();
    assert!(note.contains("python3.99 was asked for"), "{up}");
    folder.text(&["down", up["run"].as_str().unwrap()]);
    let refused = folder.run(&["compare", "--quick", "--strict"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("python3.99 was asked for") && said.contains("--strict"), "{said}");
}

#[test]
fn a_custom_runtime_in_a_shell_is_run_from_its_zip() {
    gearshift_testing::needs!("pip", "node", "npm");
    let handler = "handler() { echo \"{\\\"got\\\": $1}\"; }\n";
    let files = [("bootstrap", include_str!("handlers/bootstrap.sh")), ("function.sh", handler)];
    let folder = function(
        "provided.al2023",
        "function.handler",
        &files,
        "code = \"code.zip\"\ntimeout = 20\n",
    );
    let zip = "import zipfile, os\n\
        os.chmod('bootstrap', 0o755)\n\
        z = zipfile.ZipFile('code.zip', 'w', zipfile.ZIP_DEFLATED)\n\
        z.write('bootstrap'); z.write('function.sh'); z.close()\n";
    write(&folder, "pack.py", zip);
    sh(&folder, "python3 pack.py && rm bootstrap function.sh");
    let (code, invoked) = invoke(&folder, r#"{"a":1}"#);
    assert_eq!(code, Some(0), "{invoked}");
    assert_eq!(invoked["payload"], json!({"got": {"a": 1}}));
    assert!(folder.path().join(".gearshift/function/users/bootstrap").is_file(), "not to be seen");
}

#[test]
fn failures_of_a_handler_are_told_as_aws_tells_them() {
    gearshift_testing::needs!("pip", "node", "npm");
    let code = "import os, sys, time\n\
        def handler(event, context):\n    \
        if event['do'] == 'raise':\n        raise KeyError('boom')\n    \
        if event['do'] == 'hang':\n        time.sleep(60)\n    \
        if event['do'] == 'grow':\n        held = bytearray(400_000_000)\n        held[::4096] = b'x' * len(held[::4096])\n    \
        if event['do'] == 'exit':\n        os._exit(7)\n    return event['do']\n";
    let asked = |handler: &str, code: &str, event: &str| {
        let folder = function("python3.11", handler, &[("app.py", code)], "timeout = 2\n");
        invoke(&folder, event)
    };
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        ("app.handler", code, r#"{"do":"raise"}"#, "KeyError", "boom"),
        (
            "app.missing",
            code,
            "{}",
            "Runtime.HandlerNotFound",
            "Handler 'missing' missing on module 'app'",
        ),
        ("gone.handler", code, "{}", "Runtime.ImportModuleError", "Unable to import module 'gone'"),
        (
            "app.handler",
            "import nothing_like_this\n",
            "{}",
            "Runtime.ImportModuleError",
            "nothing_like_this",
        ),
        (
            "app.handler",
            code,
            r#"{"do":"hang"}"#,
            "Sandbox.Timedout",
            "Task timed out after 2.00 seconds",
        ),
        ("app.handler", code, r#"{"do":"grow"}"#, "Runtime.OutOfMemory", "signal: killed"),
        ("app.handler", code, r#"{"do":"exit"}"#, "Runtime.ExitError", "exit status 7"),
    ];
    for (handler, code, event, kind, message) in cases {
        let (exit, invoked) = asked(handler, code, event);
        assert_eq!(exit, Some(1), "{event}: {invoked}");
        assert_eq!(invoked["function_error"], "Unhandled", "{event}: {invoked}");
        let payload = &invoked["payload"];
        assert_eq!(payload["errorType"], *kind, "{handler} {event}: {payload}");
        let said = payload["errorMessage"].as_str().unwrap_or_default();
        assert!(said.contains(message), "{handler} {event}: {payload}");
        let log = invoked["log"].as_str().unwrap_or_default();
        assert!(log.contains("Billed Duration:"), "{handler} {event}: {log}");
    }
}

/// What every JavaScript handler here does with its table and bucket, in the words of its SDK.
fn wrote_and_read(code: &[(&str, &str)], handler: &str) {
    let stores = "timeout = 20\nmemory = 512\nbuckets = [\"photos\"]\n[[function.tables]]\nname = \"users\"\nkey = \"id\"\n";
    let folder = function("nodejs20.x", handler, code, stores);
    wrote_and_read_in(&folder);
}

fn wrote_and_read_in(folder: &Folder) {
    let (code, invoked) = invoke(folder, r#"{"id":"7"}"#);
    assert_eq!(code, Some(0), "{invoked}");
    let body = invoked["payload"]["body"].as_str().unwrap_or_else(|| panic!("{invoked}"));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({ "n": 2, "keys": ["a"], "scanned": 1 }));
}

#[test]
fn a_javascript_handler_of_the_sdk_v3_as_an_es_module_runs_unmodified() {
    gearshift_testing::needs!("pip", "node", "npm");
    wrote_and_read(&[("index.mjs", include_str!("handlers/v3.mjs"))], "index.handler");
}

#[test]
fn a_javascript_handler_of_the_sdk_v3_in_the_style_of_v2_runs_unmodified() {
    gearshift_testing::needs!("pip", "node", "npm");
    wrote_and_read(&[("index.js", include_str!("handlers/v2-style.js"))], "index.handler");
}

#[test]
fn a_handler_finds_its_own_packages_before_those_of_the_runtime() {
    gearshift_testing::needs!("pip", "node", "npm");
    let files = [
        (
            "src/index.mjs",
            "import { named } from 'own';\nexport const handler = async () => named;\n",
        ),
        (
            "src/node_modules/own/package.json",
            r#"{"name":"own","type":"module","main":"index.js"}"#,
        ),
        ("src/node_modules/own/index.js", "export const named = 'mine';\n"),
    ];
    let folder = function("nodejs20.x", "index.handler", &files, "code = \"src\"\n");
    let (code, invoked) = invoke(&folder, "{}");
    assert_eq!((code, &invoked["payload"]), (Some(0), &json!("mine")), "{invoked}");
}

fn curl(url: &str) -> String {
    let output = Command::new("curl").args(["-si", url]).output().expect("curl");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_handler_behind_a_rest_api_gets_its_events_and_its_limits() {
    gearshift_testing::needs!("pip", "node", "npm", "curl");
    let code = "import json\n\ndef handler(event, context):\n    \
        return {'statusCode': 200, 'multiValueHeaders': {'Set-Cookie': ['a=1', 'b=2']}, \
        'body': json.dumps([event['httpMethod'], event['path'], event['pathParameters']])}\n";
    let folder = function(
        "python3.11",
        "app.handler",
        &[("app.py", code)],
        "gateway = \"rest-api\"\nmemory = 256\n",
    );
    let up: Value = serde_json::from_str(&folder.text(&["up", "lambda", "--json"])).unwrap();
    let url = up["url"].as_str().unwrap_or_else(|| panic!("{up}"));
    let answer = curl(&format!("{url}/users/7"));
    folder.text(&["down", up["run"].as_str().unwrap()]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(answer.matches("set-cookie").count(), 2, "{answer}");
    assert!(answer.ends_with(r#"["GET", "/users/7", {"proxy": "users/7"}]"#), "{answer}");
    let bill = folder.run(&["compare", "--quick", "--calls", "20", "--json"]);
    let results: Value = serde_json::from_slice(&bill.stdout).expect("results");
    let text = results["rows"][0]["money"].to_string();
    assert!(text.contains("rest-api-request") && !text.contains("http-api-request"), "{text}");
}
