//! Preparing functions: what is missing, cut off, full, killed or damaged is said in a sentence with
//! the next step, costs its own rows only, and leaves nothing half-done.

mod common;
#[path = "common/raw.rs"]
mod raw;

use gearshift_testing::needs;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Disk, Folder, Up};
use gearshift_results::{Results, RowState};
use gearshift_sandbox::marked_processes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use raw::send;

const PYTHON: &str = "lambda-python-dynamodb";
const JS: &str = "lambda-js-dynamodb";
const CPP: &str = "lambda-cpp-dynamodb";
/// Nobody listens on port 1.
const NO_REGISTRY: [(&str, &str); 2] = [
    ("PIP_INDEX_URL", "http://127.0.0.1:1/simple"),
    ("npm_config_registry", "http://127.0.0.1:1/"),
];

/// A user who has never prepared anything.
struct Fresh(Folder);

impl Fresh {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn gearshift(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.gearshift(arguments);
        command.env("XDG_CACHE_HOME", self.cache());
        command
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.gearshift(arguments);
        command.envs(variables.iter().copied()).output().expect("gearshift starts")
    }

    /// What lies where prepared functions lie.
    fn prepared(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache().join("gearshift/functions"));
        let names = entries.into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name != "lock").collect()
    }

    fn entry(&self) -> PathBuf {
        let [one] = self.prepared().try_into().expect("one entry");
        self.cache().join("gearshift/functions").join(one)
    }

    /// The row stands, counts, and is taken down.
    fn stands(&self, row: &str, variables: &[(&str, &str)]) -> (serde_json::Value, String) {
        let output = self.run(&["up", row, "--json"], variables);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{row}: {said}");
        let up: Up = serde_json::from_slice(&output.stdout).expect("JSON");
        let answer = send("POST", &format!("{}/hits", up.url), &[], "").expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "1"), "{row}");
        assert!(self.run(&["down", &up.run], &[]).status.success());
        (serde_json::from_slice(&output.stdout).expect("JSON"), said)
    }

    /// Begins to stand a row up.
    fn begun(&self, row: &str) -> Child {
        let mut command = self.gearshift(&["up", row]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    }

    /// Waits until something is being prepared.
    fn is_preparing(&self) {
        let began = Instant::now();
        while self.prepared().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing is being prepared");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Begins to stand a row up, and kills what prepares it as soon as that is seen.
    fn with_a_killed(&self, row: &str, program: &str) -> Output {
        let up = self.begun(row);
        kill_when_seen(program, self.0.path());
        up.wait_with_output().expect("it ends")
    }
}

/// Ends a process of a preparation in this folder whose command names this program.
fn kill_when_seen(program: &str, folder: &Path) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(120), "{program} was never seen");
        for process in marked_processes().iter().filter(|process| process.member == "prepare") {
            let command = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            let environment =
                fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
            let ours =
                String::from_utf8_lossy(&environment).contains(folder.to_str().expect("text"));
            // Not before it has something to leave behind.
            if ours && command.split('\0').any(|part| part.ends_with(program)) {
                thread::sleep(Duration::from_millis(700));
                if kill(Pid::from_raw(process.pid), Signal::SIGKILL).is_ok() {
                    return;
                }
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn fails_with(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it succeeded: {said}");
    for word in words {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn without_a_network_exactly_the_rows_that_need_it_are_skipped_and_nothing_is_left() {
    needs!("pip", "node", "npm", "c++");
    let user = Fresh::new();
    let rows = format!("ec2,{PYTHON},lambda-python-s3,{JS},{CPP}");
    let compare = ["compare", "--quick", "--calls", "20", "--json", "--rows", &rows];
    let output = user.run(&compare, &NO_REGISTRY);
    let said = String::from_utf8_lossy(&output.stderr);
    let results: Results =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert!(
        results.rows[0].latency.is_some(),
        "ec2 was not measured: {:?}",
        results.rows[0].reason
    );
    for row in &results.rows[1..] {
        assert_eq!(row.state, RowState::Skipped, "{row:?}");
        let why = row.reason.as_ref().expect("a reason");
        assert!(why.contains("cannot reach the package registry"), "{why}");
        let next = row.command.as_ref().expect("a next step");
        assert!(next.contains("--offline"), "{next}");
    }
    let announced = said.matches("preparing function-python").count();
    assert_eq!(announced, 1, "once for both rows, with its size beforehand: {said}");
    assert!(said.contains("18 MB to fetch"), "{said}");
    assert_eq!(user.prepared(), Vec::<String>::new());
}

#[test]
fn a_disk_that_is_too_small_is_said_before_anything_is_fetched() {
    needs!("pip");
    let user = Fresh::new();
    let Some(_disk) = Disk::of(&user.cache(), 60 << 10) else { return };
    fails_with(&user.run(&["up", PYTHON], &[]), &["needs 98 MB", "are free", "XDG_CACHE_HOME"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_said_and_nothing_is_left() {
    needs!("pip");
    let user = Fresh::new();
    let Some(_disk) = Disk::of(&user.cache(), 130 << 10) else { return };
    let up = user.begun(PYTHON);
    user.is_preparing();
    // Somebody else's.
    let _ = fs::write(user.cache().join("filler"), vec![1_u8; 130 << 20]);
    let output = up.wait_with_output().expect("it ends");
    fails_with(&output, &["no space left", "XDG_CACHE_HOME"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
}

#[test]
fn a_killed_pip_is_said_leaves_nothing_and_the_next_time_works() {
    needs!("pip");
    let user = Fresh::new();
    fails_with(&user.with_a_killed(PYTHON, "pip"), &["pip ended with signal 9", "run it again"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
    user.stands(PYTHON, &[]);
}

#[test]
fn a_killed_npm_is_said_and_leaves_nothing() {
    needs!("node", "npm");
    let user = Fresh::new();
    fails_with(&user.with_a_killed(JS, "npm"), &["npm ended with signal 9", "run it again"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
}

#[test]
fn a_killed_compiler_is_said_and_leaves_nothing() {
    needs!("c++", "npm");
    let user = Fresh::new();
    fails_with(&user.with_a_killed(CPP, "cc1plus"), &["compiler", "run it again"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
}

#[test]
fn ctrl_c_while_preparing_ends_what_was_started_and_leaves_nothing() {
    needs!("pip");
    let user = Fresh::new();
    let up = user.begun(PYTHON);
    user.is_preparing();
    thread::sleep(Duration::from_millis(500));
    kill(Pid::from_raw(i32::try_from(up.id()).expect("a pid")), Signal::SIGINT).expect("it runs");
    fails_with(&up.wait_with_output().expect("it ends"), &["interrupted"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
    let ours = |process: &&gearshift_sandbox::Marked| {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        let folder = user.0.path().to_str().expect("text").to_owned();
        process.member == "prepare" && String::from_utf8_lossy(&environment).contains(&folder)
    };
    let left = marked_processes();
    assert_eq!(left.iter().filter(ours).count(), 0, "{left:?}");
}

#[test]
fn once_prepared_it_works_offline_and_damage_is_repaired() {
    needs!("pip");
    let user = Fresh::new();
    let refused = user.run(&["up", PYTHON, "--offline"], &[]);
    fails_with(&refused, &["boto3 and awslambdaric", "--offline fetches nothing"]);
    assert_eq!(user.prepared(), Vec::<String>::new());
    let (_, said) = user.stands(PYTHON, &[]);
    assert!(said.contains("18 MB to fetch"), "{said}");
    let (_, said) = user.stands(PYTHON, &NO_REGISTRY);
    assert!(!said.contains("preparing"), "{said}");

    // One byte of one file, then a file that is gone, then a half-filled entry.
    let code = |user: &Fresh| user.entry().join("packages/botocore/client.py");
    let text = fs::read(code(&user)).expect("it is there");
    fs::write(code(&user), [&text[..], b"#"].concat()).expect("room");
    let (_, said) = user.stands(PYTHON, &[]);
    assert!(said.contains("again, since packages/botocore/client.py has changed"), "{said}");
    assert_eq!(fs::read(code(&user)).expect("it is there"), text);
    fs::remove_file(code(&user)).expect("it is there");
    let (_, said) = user.stands(PYTHON, &[]);
    assert!(said.contains("client.py is missing"), "{said}");
    fs::remove_file(user.entry().join("prepared.json")).expect("it is there");
    let damaged = user.run(&["up", PYTHON], &NO_REGISTRY);
    fails_with(&damaged, &["prepared.json is missing", "cannot reach the package registry"]);
    user.stands(PYTHON, &[]);
}

#[test]
fn without_python_its_rows_are_skipped_and_doctor_says_how_to_get_it() {
    needs!("node", "npm", "c++");
    let user = Fresh::new();
    let tools = Tools::of(&["sh", "node", "npm", "c++", "cpp", "as", "ld", "tar", "xz"]);
    let path = tools.path();
    let doctor = user.run(&["doctor", "--json"], &[("PATH", &path)]);
    let doctor: serde_json::Value = serde_json::from_slice(&doctor.stdout).expect("JSON");
    let row = |name: &str| {
        let rows = doctor["rows"].as_array().expect("rows").iter();
        rows.clone().find(|row| row["row"] == name).expect("every row").clone()
    };
    for name in [PYTHON, "lambda-python-s3"] {
        assert_eq!(row(name)["would_be"], "skipped", "{}", row(name));
        assert_eq!(row(name)["reason"], "python3 is not on the path");
        assert!(
            row(name)["next"].as_str().is_some_and(|next| next.contains("python3")),
            "{doctor}"
        );
    }
    for name in ["ec2", JS, CPP, "lambda-rust-dynamodb"] {
        assert_ne!(row(name)["would_be"], "skipped", "{}", row(name));
    }
    let refused = user.run(&["up", PYTHON], &[("PATH", &path)]);
    fails_with(&refused, &["python3 is not on the path", "apt-get install"]);
}

#[test]
fn without_a_toolchain_javascript_runs_on_our_own_client_and_says_so() {
    needs!("node", "npm");
    let user = Fresh::new();
    let tools = Tools::of(&["sh", "node", "npm", "env"]);
    let (up, said) = user.stands(JS, &[("PATH", &tools.path())]);
    let runtime = &up["runtime"];
    assert_eq!(
        (&runtime["official"], &runtime["name"]),
        (&false.into(), &"gearshift bootstrap.mjs".into())
    );
    let note = runtime["note"].as_str().expect("why");
    assert!(note.contains("cmake is missing") && note.contains("apt-get install"), "{note}");
    assert!(said.contains("the AWS SDK"), "{said}");
    // With the toolchain it is another entry.
    let doctor = user.run(&["doctor"], &[]);
    let doctor = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.contains("function-js: the AWS SDK and aws-lambda-ric"), "{doctor}");
}

#[test]
fn without_npm_cpp_runs_on_our_own_client_and_says_so() {
    needs!("c++", "libcurl");
    let user = Fresh::new();
    let tools =
        Tools::of(&["sh", "c++", "g++", "cpp", "as", "ld", "collect2", "curl-config", "ldd"]);
    let (up, _) = user.stands(CPP, &[("PATH", &tools.path())]);
    let runtime = &up["runtime"];
    assert_eq!(
        (&runtime["official"], &runtime["name"]),
        (&false.into(), &"gearshift runtime.h".into())
    );
    let note = runtime["note"].as_str().expect("why");
    assert!(note.contains("npm is missing"), "{note}");
}

#[test]
fn compare_install_has_apt_get_install_what_rows_lack_and_says_so() {
    needs!("root");
    let user = Fresh::new();
    let tools = Tools::of(&["sh", "node", "npm", "c++", "cc", "cat"]);
    let asked = user.0.path().join("asked");
    let compare = ["compare", "--install", "--quick", "--calls", "20", "--rows", PYTHON];
    // Stands in for the package manager: notes what it is asked for, and has nothing to give.
    let apt = |status: u8| {
        let script = format!("#!/bin/sh\necho \"$@\" >> {}\nexit {status}\n", asked.display());
        let path = tools.0.path().join("apt-get");
        fs::write(&path, script).expect("room");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).expect("ours");
    };
    let line = "apt-get install -y --no-install-recommends python3 python3-pip";
    let path = tools.path();
    let without = user.run(&compare, &[("PATH", &path)]);
    fails_with(&without, &["apt-get is not here", "python3 python3-pip", "→"]);

    apt(1);
    let failed = user.run(&compare, &[("PATH", &path)]);
    fails_with(&failed, &[&format!("installing: {line}"), line, "ended with exit status: 1"]);

    fs::remove_file(&asked).expect("it was asked");
    apt(0);
    let ran = user.run(&compare, &[("PATH", &path)]);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains(&format!("installing: {line}")), "{said}");
    let asked = fs::read_to_string(&asked).expect("it was asked");
    assert_eq!(asked, "update -qq\ninstall -y -qq --no-install-recommends python3 python3-pip\n");
    // It gave nothing, so the row is skipped as it is without --install.
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(told.contains("python3 is not on the path"), "{told}{said}");
}

/// A path with these programs only, where there are such.
struct Tools(tempfile::TempDir);

impl Tools {
    fn of(programs: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let path = std::env::var("PATH").expect("a path");
        for program in programs {
            let found =
                path.split(':').map(|at| Path::new(at).join(program)).find(|at| at.exists());
            if let Some(found) = found {
                symlink(found, directory.path().join(program)).expect("a link");
            }
        }
        Self(directory)
    }

    fn path(&self) -> String {
        self.0.path().to_str().expect("text").to_owned()
    }
}
