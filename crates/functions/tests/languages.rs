//! Handlers in Python, JavaScript and C++ that go wrong, on the official runtime clients: what a
//! caller, a log and a bill see of it, and that the next call works.
#![cfg(target_os = "linux")]

mod support;

use gearshift_testing::needs;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gearshift_functions::{Answer, FunctionConfig};
use gearshift_gear::Program;
use gearshift_prepare::{Look, Preparer};
use gearshift_sandbox::processes_of;
use serde_json::{Value, json};
use support::{Hosted, enforced, environment, failed, returned, until, uptime_ticks};

const TIMEOUT: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_handler_that_goes_wrong_gives_what_aws_gives_and_the_next_call_works() {
    needs!("pip");
    let program = python(&prepared("function-python").await);
    let hosted = hosted(&program);
    let error = reported(&hosted, "throw", "[ERROR] ValueError: no kettle here").await;
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("ValueError"), &json!("no kettle here"))
    );
    assert!(
        error["stackTrace"][0].as_str().is_some_and(|line| line.contains("faulty.py")),
        "{error}"
    );
    exits(&hosted, "Runtime exited with error: exit status 3").await;
    hangs(&hosted).await;
    eats(&hosted).await;
    prints(&hosted).await;
    let error = reported(&hosted, "malformed", "Runtime.MarshalError").await;
    assert_eq!(error["errorType"], "Runtime.MarshalError");
    let said = error["errorMessage"].as_str().expect("text");
    assert!(said.contains("Object of type set is not JSON serializable"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_javascript_handler_that_goes_wrong_gives_what_aws_gives_and_the_next_call_works() {
    needs!("node", "npm");
    let program = javascript(&prepared("function-js").await);
    let hosted = hosted(&program);
    let error = reported(&hosted, "throw", "no kettle here").await;
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("RangeError"), &json!("no kettle here"))
    );
    assert!(error["trace"].as_array().is_some_and(|trace| trace.len() > 1), "{error}");
    exits(&hosted, "Runtime exited with error: exit status 3").await;
    hangs(&hosted).await;
    eats(&hosted).await;
    prints(&hosted).await;
    let error = reported(&hosted, "malformed", "").await;
    let said = error["errorMessage"].as_str().expect("text");
    assert!(said.contains("Unable to stringify response body"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cpp_handler_that_goes_wrong_gives_what_aws_gives_and_the_next_call_works() {
    needs!("npm", "c++", "libcurl");
    // AWS ships its C++ client inside its client for Node.js.
    let program = cpp(&prepared("function-js").await);
    let hosted = hosted(&program);
    let error = reported(&hosted, "fail", "").await;
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("Teapot"), &json!("no kettle here"))
    );
    // aws-lambda-cpp catches nothing: an exception ends the process.
    ends(&hosted, "throw", "Runtime.ExitError", "Runtime exited with error: signal: aborted").await;
    exits(&hosted, "Runtime exited with error: exit status 3").await;
    hangs(&hosted).await;
    eats(&hosted).await;
    prints(&hosted).await;
    // What a custom runtime posts is what the caller gets.
    let answer = hosted.invoke(json!({ "do": "malformed" })).await;
    assert_eq!(answer.result.as_deref().expect("an answer"), b"{\"never\": closed");
    well(&hosted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_start_in_any_language_runs_in_a_new_environment_younger_than_its_request() {
    needs!("pip", "node", "npm", "c++", "libcurl");
    let js = prepared("function-js").await;
    for program in [python(&prepared("function-python").await), javascript(&js), cpp(&js)] {
        let hosted = hosted(&program);
        let mut seen = BTreeSet::new();
        for _ in 0..9 {
            hosted.function.retire();
            let asked = uptime_ticks();
            let answer = hosted.invoke(json!({})).await;
            let environment = environment(&answer);
            assert!(answer.timing.cold && seen.insert(environment.clone()), "{environment} again");
            let processes = processes_of(&hosted.run);
            let process = processes.into_iter().find(|process| process.member == environment.0);
            let pid = process.expect("it is there").pid;
            let stat = procfs::process::Process::new(pid).and_then(|process| process.stat());
            let started = stat.expect("it lives").starttime;
            assert!(started >= asked, "it started before the request: {started} {asked}");
        }
    }
}

/// The function says itself what went wrong: the error is passed on, marked, logged and billed, and
/// the environment lives.
async fn reported(hosted: &Hosted, what: &str, logged: &str) -> Value {
    let before = well(hosted).await;
    let answer = hosted.invoke(json!({ "do": what })).await;
    let (body, error) = failed(&answer);
    assert_eq!((error.platform, environment(&answer)), (None, before.clone()), "{answer:?}");
    assert!(answer.log_tail.contains(logged), "{}", answer.log_tail);
    billed_as_it_took(&answer);
    hosted.rest().await;
    assert_eq!(well(hosted).await, before, "an error of the function costs no environment");
    body
}

/// The platform ends the environment, says why, and the next call has a new one.
async fn ends(hosted: &Hosted, what: &str, kind: &str, message: &str) -> Answer {
    let before = well(hosted).await;
    let answer = hosted.invoke(json!({ "do": what })).await;
    let (body, error) = failed(&answer);
    assert_eq!(environment(&answer), before);
    assert_eq!(error.platform, Some(kind), "{answer:?}");
    let message = format!("RequestId: {} Error: {message}", answer.request_id);
    assert_eq!(body, json!({ "errorType": kind, "errorMessage": message }));
    let report = answer.log_tail.lines().last().unwrap_or_default().to_owned();
    let status = if kind == "Sandbox.Timedout" { "Status: timeout" } else { "Status: error" };
    assert!(report.starts_with("REPORT ") && report.contains(status), "{report}");
    billed_as_it_took(&answer);
    until("nothing is left of it", || hosted.remains_of(&before) == (0, 0)).await;
    assert_ne!(well(hosted).await, before);
    answer
}

async fn exits(hosted: &Hosted, message: &str) {
    ends(hosted, "exit", "Runtime.ExitError", message).await;
}

async fn hangs(hosted: &Hosted) {
    let answer =
        ends(hosted, "hang", "Sandbox.Timedout", "Task timed out after 2.50 seconds").await;
    assert_eq!((answer.duration, answer.billed_ms), (TIMEOUT, 2_500));
}

async fn eats(hosted: &Hosted) {
    if enforced() {
        let message = "Runtime exited with error: signal: killed";
        let answer = ends(hosted, "eat", "Runtime.OutOfMemory", message).await;
        assert!(answer.log_tail.contains("Max Memory Used: 128 MB"), "{}", answer.log_tail);
    }
}

/// A megabyte of log is metered, its end is kept, and the next call's log is its own.
async fn prints(hosted: &Hosted) {
    well(hosted).await;
    let before = hosted.function.usage().log_bytes;
    let answer = hosted.invoke(json!({ "do": "print" })).await;
    assert_eq!(returned(&answer), "well");
    let logged = hosted.function.usage().log_bytes - before;
    assert!(logged >= 1 << 20, "{logged} bytes: {}", answer.log_tail);
    assert!(answer.log_tail.len() <= 4096 && answer.log_tail.contains("number 000000000016383"));
    hosted.rest().await;
    let next = hosted.invoke(json!({})).await;
    assert!(!next.log_tail.contains("sixty-four"), "{}", next.log_tail);
    hosted.rest().await;
}

fn billed_as_it_took(answer: &Answer) {
    let took = answer.duration.as_secs_f64() * 1e3;
    assert_eq!(answer.billed_ms, took.ceil() as u64, "{answer:?}");
}

/// A call that goes well, and the environment that took it.
async fn well(hosted: &Hosted) -> gearshift_gear::EnvironmentId {
    hosted.rest().await;
    let answer = hosted.invoke(json!({})).await;
    assert_eq!(returned(&answer), "well", "{answer:?}");
    hosted.rest().await;
    environment(&answer)
}

fn hosted(program: &Program) -> Hosted {
    Hosted::start(program.command.clone(), |config: &mut FunctionConfig| {
        config.task_root = program.root.clone();
        config.handler = program.handler.clone();
        config.variables = program.variables.clone();
        config.timeout = TIMEOUT;
    })
}

/// The build, made ready below the target directory once for all tests.
async fn prepared(build: &str) -> Program {
    let preparer = Preparer::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/gearshift"));
    match preparer.look(build) {
        Look::Ready(program) => *program,
        _ => match preparer.prepare(build, &[], &|_| ()).await {
            Ok(program) => program,
            Err(error) => panic!("{build}: {error} → {}", error.next()),
        },
    }
}

fn python(right: &Program) -> Program {
    right.clone().with_code(handlers(), "faulty.handler")
}

/// Node.js looks for packages above the code, so the code lies beside a link to them.
fn javascript(right: &Program) -> Program {
    let home = scratch("faulty-js");
    let packages = right.root.parent().expect("an entry").join("node_modules");
    std::os::unix::fs::symlink(packages, home.join("node_modules")).expect("a link");
    let root = home.join("task");
    fs::create_dir(&root).expect("a directory");
    fs::copy(handlers().join("faulty.mjs"), root.join("faulty.mjs")).expect("a copy");
    right.clone().with_code(root, "faulty.handler")
}

fn cpp(carrier: &Program) -> Program {
    let home = scratch("faulty-cpp");
    let packages = carrier.root.parent().expect("an entry").join("node_modules/aws-lambda-ric");
    ran(Command::new("tar")
        .arg("-xJf")
        .arg(packages.join("deps/aws-lambda-cpp.tar.xz"))
        .arg("-C")
        .arg(&home));
    let version = fs::read_to_string(home.join("src/version.cpp.in")).expect("a template");
    let version = version
        .replace("@PROJECT_VERSION_MAJOR@", "0")
        .replace("@PROJECT_VERSION_MINOR@", "0")
        .replace("@PROJECT_VERSION_PATCH@", "0");
    fs::write(home.join("src/version.cpp"), version).expect("room");
    let program = home.join("bootstrap");
    ran(Command::new("c++")
        .args(["-std=c++17", "-O1", "-DNDEBUG", "-I"])
        .arg(home.join("include"))
        .arg(handlers().join("faulty.cpp"))
        .args(["runtime.cpp", "logging.cpp", "version.cpp"].map(|name| home.join("src").join(name)))
        .arg("-o")
        .arg(&program)
        .args(["-pthread", "-lcurl"]));
    Program::of_executable(program, 1_000_000)
}

fn ran(command: &mut Command) {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn handlers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/handlers")
}

/// An empty directory below the target directory, of its own for each test.
fn scratch(name: &str) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}"));
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).expect("a directory");
    home
}
