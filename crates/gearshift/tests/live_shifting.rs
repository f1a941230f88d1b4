//! It holds when "`up flex`, 300 requests a second from separate processes that never retry, with
//! keep-alive and fresh connections and slow requests in flight: 30 shifts by hand, zero failed
//! requests, and the counter holds".

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Folder, Up};
use gearshift_load::{Expect, ExpectBody, Job, Mode, Outcome};

/// Seconds of the provider's clock in one here: a load balancer and a task start in a fifth of a second.
const SPEED: &str = "1000";
/// How long one caller process lives; the next one takes its place.
const LIFE: Duration = Duration::from_secs(5);

/// One kind of caller.
#[derive(Clone, Copy)]
struct Caller {
    path: &'static str,
    per_s: f64,
    /// Every request on a connection of its own.
    fresh: bool,
}

const CALLERS: [Caller; 3] = [
    Caller { path: "/hits", per_s: 200.0, fresh: false },
    Caller { path: "/hits", per_s: 100.0, fresh: true },
    Caller { path: "/sleep/2000", per_s: 4.0, fresh: false },
];

#[test]
fn thirty_shifts_by_hand_fail_no_request() {
    let shifts = if gearshift_testing::left_out("270 of 300 shifts by hand") { 30 } else { 300 };
    let folder = Folder::new();
    let up = folder.up("flex", &["--speed", SPEED]);
    // The service has been running for a while, and has had busy moments: environments that stand idle take
    // what comes while this machine starts a task. Dozens of them that start at once on one core are another
    // test's matter.
    for per_s in [30.0, 100.0, 300.0] {
        Caller { per_s, ..CALLERS[0] }.call(&up.url);
    }
    for together in [16, 24, 32, 40, 48] {
        busy_moment(&up.url, together);
    }
    let (done, before) = (AtomicBool::new(false), count(&up));
    let outcomes = std::thread::scope(|scope| {
        let callers = CALLERS.map(|caller| {
            let (up, done) = (&up, &done);
            scope.spawn(move || caller.calls_until(done, up))
        });
        let shifted = std::panic::catch_unwind(|| shift_and_back(&folder, &up, shifts));
        done.store(true, Ordering::SeqCst);
        let outcomes = callers.map(|caller| caller.join().expect("callers do not panic"));
        if let Err(why) = shifted {
            std::panic::resume_unwind(why);
        }
        outcomes
    });
    let [kept, fresh, slow] = &outcomes;
    let all = [("kept alive", kept), ("fresh", fresh), ("slow", slow)];
    for (what, outcome) in all {
        let Outcome { sent, acknowledged, errors, .. } = outcome;
        println!("{what}: {sent} sent, {acknowledged} acknowledged, {errors:?}");
        let bad = outcome.samples.iter().filter(|sample| !sample.is_acknowledged());
        bad.take(5).for_each(|sample| println!("{what}: {sample:?}"));
    }
    for (what, outcome) in all {
        let Outcome { errors, never_sent, unacknowledged, .. } = outcome;
        assert!(
            errors.is_empty() && (*never_sent, *unacknowledged) == (0, 0),
            "{what}: {errors:?}"
        );
    }
    assert!(slow.sent as usize > shifts / 2, "slow requests were in flight: {}", slow.sent);
    let [kept, fresh, _] = outcomes;
    let counted = Outcome::merge([kept, fresh]).expect("two outcomes");
    let check = counted.count_check_between(before, count(&up));
    assert_eq!(check.reasons(), Vec::<String>::new(), "{check:?}");
}

/// Each with a new process, as a user shifts; who holds what is read back in between.
fn shift_and_back(folder: &Folder, up: &Up, shifts: usize) {
    for number in 0..shifts {
        let direction = if number % 2 == 0 { "up" } else { "down" };
        folder.text(&["shift", direction, "--run", &up.run]);
        let status: serde_json::Value =
            serde_json::from_str(&folder.text(&["status", "--json"])).expect("JSON of status");
        let weights: Vec<u64> = status
            .as_array()
            .expect("lines")
            .iter()
            .filter(|line| line["run"] == up.run.as_str())
            .filter_map(|line| line["weight"].as_u64())
            .collect();
        let expected = if number % 2 == 0 { [0, 1000] } else { [1000, 0] };
        assert_eq!(weights, expected, "after shift {number} {direction}: {status}");
    }
}

impl Caller {
    /// Calls at its rate, one process after another, until told.
    fn calls_until(self, done: &AtomicBool, up: &Up) -> Outcome {
        let mut outcomes = Vec::new();
        while !done.load(Ordering::SeqCst) {
            outcomes.push(self.call(&up.url));
        }
        Outcome::merge(outcomes).expect("one at least")
    }

    fn call(self, url: &str) -> Outcome {
        let calls = (self.per_s * LIFE.as_secs_f64()) as u64;
        let mode = Mode::Open { rate_per_s: self.per_s, calls, connections_max: 200 };
        let mut job = Job::new(format!("{url}{}", self.path), mode);
        if self.path == "/hits" {
            job.method = "POST".to_owned();
            job.expect = Expect { status: 200, body: ExpectBody::Count };
        }
        if self.fresh {
            job.headers.push(("connection".to_owned(), "close".to_owned()));
        }
        outcome_of(&job)
    }
}

/// So many requests that take a second, at once: each has an environment to itself.
fn busy_moment(url: &str, together: usize) {
    let calls = Some(together as u64);
    let mode = Mode::Closed { connections: together, calls, duration_ms: None };
    outcome_of(&Job::new(format!("{url}/sleep/1000"), mode));
}

/// What a job came to, carried out by a process of its own.
fn outcome_of(job: &Job) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gearshift"))
        .args(["internal", "load"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a caller starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(&serde_json::to_vec(job).unwrap()).expect("a caller takes its job");
    drop(input);
    let output = child.wait_with_output().expect("a caller ends");
    assert!(output.status.success(), "a caller failed: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("an outcome")
}

fn count(up: &Up) -> u64 {
    let mut job = Job::new(format!("{}/hits/count", up.url), Mode::Probe { calls: 1 });
    job.expect = Expect { status: 200, body: ExpectBody::Count };
    outcome_of(&job).counts.first().copied().expect("a count")
}
