//! What `compare` can be asked besides: sizes, scaled laws, clients made per call, a published table.

mod common;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/standing.rs"]
mod standing;

use gearshift_testing::needs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use common::Folder;
use gearshift_deploy::Settings;
use gearshift_results::{Results, RowState};
use standing::{Standing, shipped};

const HANDSHAKE: &str = "tls.new_conn_in_region_wire";

#[test]
fn memory_is_swept_with_its_cheapest_and_fastest_point_and_a_scaled_law_says_so() {
    let folder = Folder::new();
    let row = "lambda-rust-dynamodb";
    let output = folder.run(&[
        "compare",
        "--quick",
        "--calls",
        "20",
        "--rows",
        row,
        "--memory",
        "1024,128",
        "--law",
        "ddb.update_add=3",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let runs = std::fs::read_dir(folder.path().join(".gearshift/runs")).unwrap();
    let run = runs.flatten().next().expect("a run").path();
    let read = |name: &str| std::fs::read_to_string(run.join(name)).expect("it was written");
    let results: Results = serde_json::from_str(&read("results.json")).expect("results");
    let [sweep] = results.memory.as_slice() else { panic!("{:?}", results.memory) };
    let sizes: Vec<u32> = sweep.points.iter().map(|point| point.memory_mb).collect();
    assert_eq!((sweep.row.as_str(), sizes), (row, vec![128, 1024]));
    for point in &sweep.points {
        let (p50, billed) = (point.p50_ms.as_ref().unwrap(), point.billed_ms.as_ref().unwrap());
        assert!(billed.value < p50.value && billed.value >= 1.0, "{point:?}");
        assert!(point.million_usd.is_some(), "{point:?}");
    }
    // Eight times the memory at nearly the same duration, which is the store's.
    let price = |index: usize| sweep.points[index].million_usd.as_ref().unwrap().value;
    assert!(price(1) > price(0), "{sweep:?}");
    if sweep.points.iter().all(|point| point.state == RowState::Ok) {
        assert_eq!(sweep.cheapest_mb, Some(128));
        assert!(sweep.fastest_mb.is_some());
    }
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(screen.contains("memory ") && screen.contains("billed, ms"), "{screen}");
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("1 multiplied for this run"), "{screen}");
    assert!(read("report.html").contains("<h2 id=\"memory\">"));
    assert!(read("report.md").contains("## Over memory"));
    let law = results.laws.iter().find(|law| law.id.0 == "ddb.update_add").expect("it was used");
    assert_eq!(law.factor, 3.0);
}

#[test]
fn one_size_is_the_size_of_every_function() {
    let folder = Folder::new();
    let options = ["--calls", "20", "--rows", "lambda-rust-dynamodb", "--memory", "512", "--json"];
    let output = folder.run(&[&["compare", "--quick"][..], &options].concat());
    let results: Results = serde_json::from_slice(&output.stdout).expect("results");
    assert!(results.rows[0].gear.contains("512 MB"), "{}", results.rows[0].gear);
    assert!(results.memory.is_empty());
}

#[test]
fn the_published_table_of_2021_is_reproduced_without_measuring_anything() {
    let folder = Folder::new();
    let said = folder.text(&["compare", "--preset", "seed-2021"]);
    assert!(said.contains("9 of 11 figures exactly"), "{said}");
    let json = folder.text(&["compare", "--preset", "seed-2021", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let rows = json["row"].as_array().expect("rows");
    let figures = rows.iter().map(|row| (row["row"].as_str(), row["reproduced"] == true));
    let differ: Vec<_> = figures.filter(|(_, same)| !same).map(|(row, _)| row.unwrap()).collect();
    assert_eq!(differ, ["lambda-js-dynamodb", "lambda-rust-dynamodb"]);
    assert!(!folder.path().join(".gearshift").exists(), "it left something");
}

#[test]
fn bad_options_are_named_with_what_would_do() {
    let folder = Folder::new();
    for (options, words) in [
        (["--law", "ddb.nothing=2"], "ddb.nothing"),
        (["--law", "ddb.update_add"], "ID=FACTOR"),
        (["--law", "ddb.update_add=-1"], "0 to 1000"),
        (["--memory", "64"], "128"),
        (["--init", "never"], "per-call"),
        (["--preset", "seed-1999"], "seed-2021"),
    ] {
        let output = folder.run(&[&["compare", "--rows", "ec2"][..], &options].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.contains(words), "{options:?}: {said}");
    }
}

/// The lesson of the sources: a client made in the handler connects anew on every call.
#[test]
fn clients_made_per_call_pay_for_a_new_connection_every_time_in_every_language() {
    needs!("pip", "node", "npm", "c++");
    for (row, build) in [
        ("lambda-rust-dynamodb", "function-rust"),
        ("lambda-cpp-dynamodb", "function-cpp"),
        ("lambda-js-dynamodb", "function-js"),
        ("lambda-python-dynamodb", "function-python"),
        ("lambda-python-s3", "function-python"),
    ] {
        for init_per_call in [false, true] {
            let settings = Settings { shaped: false, init_per_call, ..Settings::default() };
            let row = Standing::under(row, shipped(build), settings);
            let first = answered(&row.url);
            assert!(first.contains(HANDSHAKE), "{build}: a first call connects: {first}");
            for _ in 0..2 {
                // At rest again, so that the same environment takes the next.
                thread::sleep(Duration::from_millis(300));
                let next = answered(&row.url);
                assert!(!next.contains(";desc=\"cold\""), "{next}");
                assert_eq!(next.contains(HANDSHAKE), init_per_call, "{build}: {next}");
            }
        }
    }
}

/// The head of a good answer to a hit.
fn answered(url: &str) -> String {
    let host = url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!(
        "POST /hits HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.to_lowercase()
}
