//! It holds when "`up clusters`: each path reaches only its cluster, members answer with their own id,
//! killing one costs at most its requests in flight, `scale` up and down loses none; the ledger's factor
//! is printed".

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Folder, Up};
use gearshift_load::{Job, Mode, Outcome};
use gearshift_sandbox::processes_of;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// One GET, on a connection of its own: status and body.
fn get(up: &Up, path: &str) -> (u16, String) {
    let address = up.url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.expect("a status"), body.unwrap_or_default())
}

/// Who answered these requests, by name; every one must be answered, by this cluster.
fn instances(up: &Up, cluster: u64, calls: usize) -> BTreeSet<String> {
    let one = |_| {
        let (status, body) = get(up, &format!("/cluster{cluster}"));
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["cluster"], cluster, "{body}");
        body["instance"].as_str().expect("a name").to_owned()
    };
    (0..calls).map(one).collect()
}

/// Members of this run's pools, as `status` has them.
fn members(folder: &Folder, up: &Up) -> Vec<(String, u64)> {
    let status: Value = serde_json::from_str(&folder.text(&["status", "--json"])).expect("JSON");
    let lines = status.as_array().expect("lines").iter();
    let lines = lines.filter(|line| line["run"] == up.run.as_str());
    lines
        .map(|line| (line["side"].as_str().unwrap().to_owned(), line["members"].as_u64().unwrap()))
        .collect()
}

/// Requests at this rate for this long, by a process of its own that never repeats one.
fn load(up: &Up, path: &str, seconds: f64) -> std::thread::JoinHandle<Outcome> {
    const PER_S: f64 = 100.0;
    let calls = (PER_S * seconds) as u64;
    let mode = Mode::Open { rate_per_s: PER_S, calls, connections_max: 50 };
    let job = serde_json::to_vec(&Job::new(format!("{}{path}", up.url), mode)).unwrap();
    std::thread::spawn(move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gearshift"))
            .args(["internal", "load"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a caller starts");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(&job).expect("a caller takes its job");
        drop(input);
        let output = child.wait_with_output().expect("a caller ends");
        serde_json::from_slice(&output.stdout).expect("an outcome")
    })
}

fn up(folder: &Folder) -> (Up, String) {
    let arguments = ["up", "clusters", "--speed", "1000", "--json"];
    let output = folder.run(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (serde_json::from_slice(&output.stdout).expect("JSON of up"), said)
}

#[test]
fn each_path_reaches_only_its_cluster_and_every_member_answers_with_its_own_id() {
    let folder = Folder::new();
    let (up, said) = up(&folder);
    let (one, two) = (instances(&up, 1, 16), instances(&up, 2, 16));
    assert_eq!((one.len(), two.len()), (4, 4), "round robin over four each: {one:?} {two:?}");
    assert!(one.is_disjoint(&two), "{one:?} {two:?}");
    let (status, body) = get(&up, "/hello");
    assert_eq!(status, 404, "{body}");
    assert!(body.contains("/cluster1") && body.contains("/cluster2"), "{body}");
    assert_eq!(get(&up, "/cluster10").0, 404, "a prefix ends where a segment ends");
    // On a machine whose cores hold the eight members as they are nothing is said.
    if gearshift_sandbox::Cores::split().promised() < 4.0 {
        assert!(said.contains("every CPU share is multiplied by"), "{said}");
    }
    folder.text(&["down", &up.run]);
}

#[test]
fn killing_a_member_costs_at_most_its_requests_in_flight() {
    let folder = Folder::new();
    let (up, _) = up(&folder);
    let before = instances(&up, 1, 16);
    let caller = load(&up, "/cluster1", 4.0);
    std::thread::sleep(Duration::from_millis(1_000));
    let victim = before.iter().next().expect("four");
    let run = up.run.parse().expect("a run id");
    let process = processes_of(&run).into_iter().find(|process| process.member == *victim);
    kill(Pid::from_raw(process.expect("it runs").pid), Signal::SIGKILL).expect("it runs");
    let outcome = caller.join().expect("a caller does not panic");
    // Round robin at 100/s: of four members each has at most a few requests at a time.
    assert!(outcome.unacknowledged <= 3, "{:?}", outcome.errors);
    let began = Instant::now();
    while members(&folder, &up) != [("cluster1".to_owned(), 4), ("cluster2".to_owned(), 4)] {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", members(&folder, &up));
        std::thread::sleep(Duration::from_millis(50));
    }
    let after = instances(&up, 1, 16);
    assert!(after.len() == 4 && !after.contains(victim), "{after:?} without {victim}");
    assert_eq!(after.intersection(&before).count(), 3, "the others stay");
    folder.text(&["down", &up.run]);
}

#[test]
fn scaling_up_and_down_loses_no_request() {
    let folder = Folder::new();
    let (up, _) = up(&folder);
    let before = instances(&up, 1, 16);
    let callers = [load(&up, "/cluster1", 6.0), load(&up, "/cluster2", 6.0)];
    for (one, two) in [(2, 4), (5, 3), (1, 4), (4, 4)] {
        let pools = [format!("clusters/cluster1={one}"), format!("clusters/cluster2={two}")];
        folder.text(&["scale", &pools[0], &pools[1], "--run", &up.run]);
        let now = members(&folder, &up);
        assert_eq!(now, [("cluster1".to_owned(), one), ("cluster2".to_owned(), two)]);
    }
    for caller in callers {
        let outcome = caller.join().expect("a caller does not panic");
        assert_eq!((outcome.unacknowledged, outcome.never_sent), (0, 0), "{:?}", outcome.errors);
    }
    let after = instances(&up, 1, 16);
    assert_eq!(after.len(), 4);
    assert_eq!(after.intersection(&before).count(), 1, "one of four stayed at one member");
    folder.text(&["down", &up.run]);
}

#[test]
fn a_scale_that_cannot_be_is_refused_with_what_can() {
    let folder = Folder::new();
    let (up, _) = up(&folder);
    for (what, says) in [
        (&["clusters/cluster3=2"][..], "cluster1"),
        (&["clusters/cluster1=0"], "gearshift down"),
        (&["clusters", "3"], "several pools"),
        (&["clusters/cluster1=many"], "no number"),
        (&["flex", "3"], "no row `flex` stands here"),
    ] {
        let refused = folder.run(&[&["scale"], what, &["--run", &up.run]].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{what:?}: {said}");
    }
    let refused = folder.run(&["shift", "up", "--run", &up.run]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    folder.text(&["down", &up.run]);
}

#[test]
fn compare_measures_clusters_and_each_side_of_flex() {
    let folder = Folder::new();
    let ran =
        folder.run(&["compare", "--quick", "--calls", "20", "--json", "--rows", "clusters,flex"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(matches!(ran.status.code(), Some(0 | 3)), "{said}");
    let results: gearshift_results::Results = serde_json::from_slice(&ran.stdout).expect("results");
    let names: Vec<_> = results.rows.iter().map(|row| row.row.as_str()).collect();
    assert_eq!(names, ["clusters", "flex-function", "flex-tasks"]);
    for row in &results.rows {
        // Noise of this machine may make it INVALID, a call that failed may not.
        let reason = row.reason.clone().unwrap_or_default();
        assert!(!reason.contains("calls failed"), "{}: {reason}", row.row);
        assert!(row.money.is_some(), "{}: no price: {reason}", row.row);
        assert_eq!(row.counter.is_some(), row.row != "clusters", "{}", row.row);
    }
    let clusters = &results.rows[0];
    assert!(clusters.ceiling.is_none(), "one load over two pools shows no ceiling");
    let month = clusters.money.as_ref().and_then(|money| money.month_usd.as_ref());
    // 4 × t2.micro and the balancer's, 4 × t2.large, with 9 disks and addresses, in eu-west-2.
    assert_eq!(month.expect("a price").value.round_dp(2).to_string(), "397.73");
}
