//! Bad input and bad luck, as a user meets them: a message with the reason and the next step, the
//! right exit code, and nothing left behind. What names rows, regions and options wrongly is in
//! cli.rs and options.rs, what goes wrong while preparing in prepare.rs.

mod common;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/traces.rs"]
mod traces;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::time::{Duration, Instant};

use common::{Disk, Folder};
use gearshift_results::Results;
use raw::send;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Nothing of any run that began in this folder is left.
fn nothing_is_left(folder: &Folder) {
    let stray = traces::stray_files(folder);
    assert!(stray.is_empty(), "{stray:?}");
    let base = folder.base().display().to_string();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!mounts.contains(&base), "something is mounted below {base}");
}

#[test]
fn a_port_that_is_taken_is_named_and_another_one_works() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it listens").port().to_string();
    for row in ["ec2", "lambda-rust-dynamodb", "fargate"] {
        let refused = folder.run(&["up", row, "--port", &port]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        for part in [format!("port {port} is taken"), "--port".to_owned()] {
            assert!(
                said(&refused).contains(&part),
                "{row}: `{part}` is missing: {}",
                said(&refused)
            );
        }
        nothing_is_left(&folder);
    }
    drop(taken);
    let up = folder.up("fargate", &["--port", &port]);
    assert_eq!(up.url, format!("http://127.0.0.1:{port}"));
    assert_eq!(send("POST", &format!("{}/hits", up.url), &[], "").expect("an answer").text(), "1");
    folder.text(&["down", &up.run]);
    nothing_is_left(&folder);
}

#[test]
fn a_region_without_a_price_empties_its_cells_and_says_which_price_is_missing() {
    let folder = Folder::new();
    // Nobody's list has load balancer capacity units of Oregon.
    let options = ["--quick", "--calls", "20", "--rows", "fargate", "--region", "us-west-2"];
    let output = folder.run(&[&["compare", "--json"], &options[..]].concat());
    let results: Results =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let money = results.rows[0].money.as_ref().expect("the row was priced as far as it goes");
    assert!(money.month_usd.is_some() && money.million_usd.is_none(), "{money:?}");
    let gap = money.gap.as_deref().unwrap_or_default();
    assert!(gap.contains("load balancer capacity") && gap.contains("us-west-2"), "{gap}");
    nothing_is_left(&folder);
}

#[test]
fn a_full_disk_costs_the_files_and_not_the_results() {
    let folder = Folder::new();
    let results = folder.path().join(".gearshift");
    let Some(_disk) = Disk::of(&results, 32) else { return };
    let output = folder.run(&["compare", "--quick", "--calls", "20", "--rows", "ec2"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("ec2") && table.contains("could not be written"), "{table}");
    for part in ["results", "No space left", "free space", "--json"] {
        assert!(said(&output).contains(part), "`{part}` is missing: {}", said(&output));
    }
    let left: Vec<_> = std::fs::read_dir(results.join("runs")).expect("it was made").collect();
    assert!(left.is_empty(), "{left:?}");
    nothing_is_left(&folder);
}

#[test]
fn a_corrupt_cache_is_measured_anew() {
    let folder = Folder::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let cache = elsewhere.path();
    let kept = cache.join("gearshift/core-speed.json");
    std::fs::create_dir_all(kept.parent().expect("it has one")).expect("a folder");
    std::fs::write(&kept, "{\"nonsense\": ").expect("writable");
    let doctor = folder.gearshift(&["doctor"]).env("XDG_CACHE_HOME", cache).output();
    let doctor = doctor.expect("gearshift starts");
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!told.contains("nonsense") && !said(&doctor).contains("panicked"), "{told}");
    let up = folder.gearshift(&["up", "ec2", "--json"]).env("XDG_CACHE_HOME", cache).output();
    let up = up.expect("gearshift starts");
    let up: common::Up = serde_json::from_slice(&up.stdout).expect("it stands");
    folder.text(&["down", &up.run]);
    nothing_is_left(&folder);
}

#[test]
fn a_body_of_seven_megabytes_is_refused_by_a_function_and_its_row_goes_on() {
    let folder = Folder::new();
    let up = folder.up("lambda-rust-dynamodb", &["--physics", "off"]);
    let hits = format!("{}/hits", up.url);
    let refused = send("POST", &hits, &[], &"x".repeat(7 << 20)).expect("an answer");
    assert_eq!(refused.status, 413, "{}", refused.text());
    assert!(refused.text().contains("Too Large"), "{}", refused.text());
    assert_eq!(send("POST", &hits, &[], "").expect("an answer").text(), "1");
    folder.text(&["down", &up.run]);
    nothing_is_left(&folder);
}

#[test]
fn a_client_that_goes_in_the_middle_of_a_call_breaks_nothing() {
    let folder = Folder::new();
    for row in ["ec2", "lambda-rust-dynamodb", "fargate"] {
        let up = folder.up(row, &["--physics", "off"]);
        let address = up.url.strip_prefix("http://").expect("a plain address");
        for _ in 0..8 {
            let mut client = TcpStream::connect(address).expect("it listens");
            write!(client, "GET /sleep/20000 HTTP/1.1\r\nhost: {address}\r\n\r\n").expect("sent");
        }
        let answer = send("POST", &format!("{}/hits", up.url), &[], "").expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "1"), "{row}");
        let began = Instant::now();
        folder.text(&["down", &up.run]);
        assert!(began.elapsed() < Duration::from_secs(15), "{row}: nobody waits for them");
    }
    nothing_is_left(&folder);
}
