//! Another user of this machine, who can reach every port on loopback.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/objects.rs"]
mod objects;
#[path = "common/raw.rs"]
mod raw;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use common::{Folder, Up};
use gearshift_deploy::Credentials;
use gearshift_sandbox::{Marked, processes_of};
use raw::{Table, send};
use serde_json::json;

const ROW: &str = "lambda-rust-dynamodb";
const NOBODY: u32 = 65534;
/// What curl says where no answer came.
const NO_ANSWER: &str = "000";

#[test]
fn a_hostile_local_user_on_every_port_finds_nothing_and_the_rows_own_clients_work() {
    gearshift_testing::needs!("curl");
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: a hostile local user on ports → as root, who may act as another user");
        return;
    }
    let folder = Folder::new();
    let up = folder.up(ROW, &["--physics", "off"]);
    let hits = format!("{}/hits", up.url);
    // The row's own address is open to everybody, as it is on AWS.
    assert_eq!(as_nobody(&["-X", "POST", &hits]), ("200".to_owned(), "1".to_owned()));

    the_runtime_api_of_a_running_environment_refuses(&up);
    the_table_refuses(&up.endpoints["table"]);
    the_objects_refuse(&up.endpoints["objects"]);
    let invoke = format!("{}/2015-03-31/functions/{ROW}/invocations", up.endpoints["invoke"]);
    every_invocation_is_refused(&invoke);
    every_listening_port_is_the_rows_own_or_refuses(&up);

    // Nothing of that counted, and the row's own clients are served on the same ports.
    let table = Table { url: &up.endpoints["table"], credentials: up.credentials() };
    assert_eq!(table.hits(0), 1);
    assert_eq!(send("POST", &hits, &[], "").expect("an answer").text(), "2");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/hits_event.json");
    let event = fs::read_to_string(file).expect("an event");
    let invoked = raw::invoke(up.credentials(), &invoke, &event);
    assert_eq!((invoked.status, &invoked.json()["body"]), (200, &json!("3")));
    let objects = &up.endpoints["objects"];
    let (status, page) = objects::curl(objects, up.credentials(), "/pages/index.html", &[]);
    assert!(status == 200 && page.starts_with("<!doctype html>"), "{status}: {page}");
    let said = folder.text(&["invoke", ROW, "--json", "--payload", file]);
    assert!(said.contains("\"status\": 200"), "gearshift invoke: {said}");
}

/// Status and body of what curl is answered as another user.
fn as_nobody(arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--max-time", "3", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .output()
        .expect("curl is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{output:?}"));
    (status.to_owned(), body.to_owned())
}

fn the_runtime_api_of_a_running_environment_refuses(up: &Up) {
    let environment = functions_of(up).first().map(|function| function.pid).expect("it was called");
    let variables = fs::read(format!("/proc/{environment}/environ")).expect("it runs");
    let variables = String::from_utf8_lossy(&variables).into_owned();
    let mut variables = variables.split('\0').filter_map(|variable| variable.split_once('='));
    let (_, at) = variables.find(|(name, _)| *name == "AWS_LAMBDA_RUNTIME_API").expect("it is set");
    let api = format!("http://{at}/2018-06-01/runtime");
    for (path, method) in [
        ("invocation/next", "GET"),
        ("invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response", "POST"),
        ("invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error", "POST"),
        ("init/error", "POST"),
    ] {
        let (status, body) = as_nobody(&["-X", method, &format!("{api}/{path}")]);
        assert_eq!(status, "403", "{method} {path}: {body}");
    }
    // Nor is the test itself one of the environment's processes, though its user may do more.
    let asked = send("GET", &format!("{api}/invocation/next"), &[], "").expect("an answer");
    assert_eq!(asked.status, 403, "{}", asked.text());
}

fn the_table_refuses(url: &str) {
    let body = |operation: &str| match operation {
        "PutItem" => json!({ "TableName": "hits", "Item": { "id": { "N": "9" } } }),
        "ListTables" => json!({}),
        _ => json!({ "TableName": "hits" }),
    };
    for operation in ["ListTables", "Scan", "PutItem", "DeleteTable"] {
        let target = format!("x-amz-target: DynamoDB_20120810.{operation}");
        let body = body(operation).to_string();
        let plain = ["-H", &target, "-H", "content-type: application/x-amz-json-1.0", "-d", &body];
        let refused = |more: &[&str], code: &str| {
            let (status, said) = as_nobody(&[&plain[..], more, &[url]].concat());
            assert!(
                status == "400" && said.contains(code),
                "{operation} {more:?}: {status} {said}"
            );
        };
        let signed = ["--aws-sigv4", "aws:amz:eu-west-2:dynamodb", "--user"];
        refused(&[], "#MissingAuthenticationTokenException");
        refused(&[&signed[..], &["AKIDTEST:twin"]].concat(), "#UnrecognizedClientException");
        refused(&[&signed[..], &["ASIAX:twin"]].concat(), "#InvalidSignatureException");
        // As every request was signed before there was a secret per row.
        let forged = "authorization: AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/eu-west-2/\
                      dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
        let dated = "x-amz-date: 20260101T000000Z";
        refused(&["-H", forged, "-H", dated], "#UnrecognizedClientException");
    }
}

fn the_objects_refuse(url: &str) {
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/pages"),
        ("PUT", "/pages/index.html"),
        ("DELETE", "/pages/index.html"),
        ("PUT", "/mine"),
    ] {
        let asked = ["-X", method, &format!("{url}{path}")];
        let signed = ["--aws-sigv4", "aws:amz:eu-west-2:s3", "--user", "AKIDTEST:twin"];
        let unsigned = ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"];
        for more in [&[][..], &[&signed[..], &unsigned].concat()] {
            let (status, said) = as_nobody(&[&asked[..], more].concat());
            assert_eq!(status, "403", "{method} {path} {more:?}: {said}");
        }
    }
}

fn every_invocation_is_refused(url: &str) {
    let signed = ["--aws-sigv4", "aws:amz:eu-west-2:lambda", "--user", "AKIDTEST:twin"];
    for more in [&[][..], &signed] {
        let (status, said) = as_nobody(&[&["-d", "{}", url][..], more].concat());
        assert_eq!(status, "403", "{more:?}: {said}");
    }
}

fn every_listening_port_is_the_rows_own_or_refuses(up: &Up) {
    let run = up.run.parse().expect("a run id");
    let listening: BTreeSet<u16> = processes_of(&run).iter().flat_map(ports_of).collect();
    let of = |url: &str| url.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let own = of(&up.url).expect("a port");
    // The row's address, three endpoints, the table's engine and an environment's Runtime API.
    assert!(listening.len() >= 6 && listening.contains(&own), "{listening:?}");
    for port in listening.iter().filter(|port| **port != own) {
        let (status, said) = as_nobody(&["-d", "{}", &format!("http://127.0.0.1:{port}/")]);
        // 501: S3 has no operation of this kind, whoever asks.
        let refused = status == NO_ANSWER || status.starts_with('4') || status == "501";
        assert!(refused, "port {port} answers {status}: {said}");
    }
}

/// The ports on which this process listens.
fn ports_of(process: &Marked) -> Vec<u16> {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten();
    let targets = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let held: BTreeSet<String> = targets.map(|of| of.to_string_lossy().into_owned()).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let tables = tables.map(Result::unwrap_or_default).concat();
    let port = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(3) == Some(&"0A");
        let ours = held.contains(&format!("socket:[{}]", fields.get(9)?));
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        (listens && ours).then(|| u16::from_str_radix(port, 16).ok())?
    };
    tables.lines().filter_map(port).collect()
}

/// The processes of this run's execution environments.
fn functions_of(up: &Up) -> Vec<Marked> {
    let run = up.run.parse().expect("a run id");
    let mut processes = processes_of(&run);
    processes.retain(|process| process.member.starts_with(&format!("{ROW}.fn")));
    processes
}

#[test]
fn what_up_prints_is_all_that_a_client_needs() {
    gearshift_testing::needs!("curl");
    let folder = Folder::new();
    let said = folder.text(&["up", ROW, "--physics", "off"]);
    let run = said.rsplit(' ').next().expect("ends with gearshift down RUN").trim().to_owned();
    let exported = |name: &str| {
        let mut lines = said.lines().map(str::trim);
        let value = lines.find_map(|line| line.strip_prefix(&format!("export {name}=")));
        value.unwrap_or_else(|| panic!("no {name}: {said}")).to_owned()
    };
    let credentials = Credentials {
        access_key_id: exported("AWS_ACCESS_KEY_ID"),
        secret_access_key: exported("AWS_SECRET_ACCESS_KEY"),
    };
    let url = exported("AWS_ENDPOINT_URL_DYNAMODB");
    let hits = Table { url: &url, credentials: &credentials }.hits(0);
    let down = folder.run(&["down", &run]);
    assert_eq!((hits, down.status.success()), (0, true));
}
