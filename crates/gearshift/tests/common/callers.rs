//! Callers that are operating-system processes of their own and call over the wire.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

use gearshift_load::{Expect, ExpectBody, Job, Mode, Outcome};

/// Longer than any call takes while dozens of interpreters share a core.
const TIMEOUT_MS: u64 = 40_000;

/// Ended with the test, whatever becomes of it.
struct Callers(Vec<Child>);

impl Drop for Callers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts `callers` processes that count at this address, lets them begin together once all of
/// them run, and merges what they saw. Each caller's calls follow one another on its own
/// connection. A call is sent once, whatever its answer.
pub fn count_at_once(url: &str, callers: usize, calls_each: u64) -> Outcome {
    let mode = Mode::Closed { connections: 1, calls: Some(calls_each), duration_ms: None };
    let mut job = Job::new(format!("{url}/hits"), mode);
    job.method = "POST".to_owned();
    job.timeout_ms = TIMEOUT_MS;
    job.expect = Expect { status: 200, body: ExpectBody::Count };
    let job = serde_json::to_vec(&job).unwrap();
    let (mut processes, held): (Vec<Child>, Vec<ChildStdin>) =
        (0..callers).map(|_| started(&job)).unzip();
    for process in &mut processes {
        let ended = process.try_wait().expect("its state");
        assert_eq!(ended, None, "a caller ended before all were started");
    }
    let mut processes = Callers(processes);
    // A caller begins when its job is complete: when its standard input ends.
    drop(held);
    let outcomes = processes.0.drain(..).map(finished).collect::<Vec<_>>();
    for outcome in &outcomes {
        assert_eq!(outcome.sent, calls_each, "a caller repeated or left out calls");
    }
    Outcome::merge(outcomes).expect("at least one caller")
}

fn started(job: &[u8]) -> (Child, ChildStdin) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gearshift"))
        .args(["internal", "load"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a caller starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(job).expect("a caller takes its job");
    (child, input)
}

fn finished(child: Child) -> Outcome {
    let output = child.wait_with_output().expect("a caller ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "a caller failed: {said}");
    serde_json::from_slice(&output.stdout).expect("an outcome")
}
