//! It holds when "changed environments leave nothing after `down --all`, or `down` names what it cannot
//! see": `down` is started with other variables than `up` was.

mod common;

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{Folder, Up};
use gearshift_sandbox::marked_processes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// An ordinary user whom no other test runs anything as, and whom no list of users knows.
const ORDINARY: u32 = 64_322;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn kill_and_wait(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
    let began = Instant::now();
    while runs(pid) {
        assert!(began.elapsed() < Duration::from_secs(10), "SIGKILL ends a process");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// False of a zombie, too.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn plane_of(run: &str) -> i32 {
    let processes = marked_processes().into_iter();
    let mut planes =
        processes.filter(|one| one.run.as_str() == run && one.member.ends_with(".plane"));
    planes.next().expect("a data plane").pid
}

#[test]
fn changed_environments_leave_nothing_after_down() {
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().display().to_string();
    let changed: [&[(&str, &str)]; 4] = [
        &[("XDG_RUNTIME_DIR", &other)],
        &[("XDG_RUNTIME_DIR", &other), ("TMPDIR", &other), ("HOME", &other)],
        // Neither leads anywhere: what is up is found all the same.
        &[("XDG_RUNTIME_DIR", "relative"), ("HOME", "")],
        &[("XDG_RUNTIME_DIR", "/absent/and/gone"), ("HOME", "/absent")],
    ];
    for (number, variables) in changed.into_iter().enumerate() {
        for plane_killed in [false, true] {
            let folder = Folder::new();
            let up = folder.up("ec2", &["--physics", "off"]);
            if plane_killed {
                kill_and_wait(plane_of(&up.run));
            }
            let mut down = folder.gearshift(&["down", &up.run]);
            let down = down.envs(variables.iter().copied()).env_remove("XDG_CACHE_HOME");
            let down = down.output().expect("gearshift starts");
            let what = format!("change {number}, plane killed: {plane_killed}: {down:?}");
            assert!(down.status.success(), "{what}");
            let told = String::from_utf8_lossy(&down.stdout).into_owned();
            assert!(told.contains("0 left") && !told.contains(" 0 processes"), "{what}");
            let run = folder.base().join(&up.run);
            assert!(!run.exists(), "{what}: {} is left", run.display());
            assert!(marked_processes().iter().all(|one| one.run.as_str() != up.run), "{what}");
            let unusable = variables.iter().any(|(_, value)| *value == "relative");
            assert_eq!(
                said(&down).contains("XDG_RUNTIME_DIR is a relative path"),
                unusable,
                "{what}"
            );
        }
    }
}

/// A user with a home of their own, in which the program lies; none, loudly, where nobody can be made.
struct Ordinary(tempfile::TempDir, #[allow(dead_code)] MutexGuard<'static, ()>);

/// `down --all` of this user ends what another test here is about.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Ordinary {
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            assert!(std::env::var_os("CI").is_none(), "CI runs as root");
            eprintln!("SKIPPED: acting as another user needs root");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        fs::copy(env!("CARGO_BIN_EXE_gearshift"), home.path().join("bin")).unwrap();
        chown(home.path(), Some(ORDINARY), Some(ORDINARY)).unwrap();
        Some(Self(home, ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn gearshift(&self, arguments: &[&str], runtime: &str) -> Output {
        let mut command = Command::new(self.0.path().join("bin"));
        command.args(arguments).current_dir(self.0.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.0.path()).env("XDG_RUNTIME_DIR", self.runtime(runtime));
        command.uid(ORDINARY).gid(ORDINARY).output().expect("gearshift starts")
    }

    fn runtime(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(&path).unwrap();
        chown(&path, Some(ORDINARY), Some(ORDINARY)).unwrap();
        path
    }

    /// A row with this Python service, which says in the file `hidden` which process it hides.
    fn up(&self, service: &str) -> Option<Up> {
        fs::write(self.0.path().join("app.py"), service).unwrap();
        let manifest = "name = \"shop\"\n[service]\ncommand = \"python3 app.py\"\n\
                        [[requests]]\npath = \"/\"\n";
        fs::write(self.0.path().join("gearshift.toml"), manifest).unwrap();
        let up = self.gearshift(&["up", "ec2", "--json"], "run");
        if said(&up).contains("neither in") {
            eprintln!("SKIPPED: python3 is not on the path");
            return None;
        }
        Some(serde_json::from_slice(&up.stdout).unwrap_or_else(|_| panic!("{up:?}")))
    }

    fn hidden(&self) -> i32 {
        let written =
            fs::read_to_string(self.0.path().join("hidden")).expect("the service wrote it");
        written.trim().parse().expect("a number")
    }
}

/// Goes into the background as a daemon does, in a session of its own, with a cleared environment.
const HIDES: &str = r#"
import http.server, os, subprocess, time
starter = "import os, sys; os.setsid(); pid = os.fork(); " \
    "(open('hidden', 'w').write(str(pid)), sys.exit()) if pid else os.execve('/bin/sleep', ['sleep', '600'], {})"
subprocess.run(["python3", "-c", starter], check=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("content-length", "2"); self.end_headers()
        self.wfile.write(b"ok")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[test]
fn changed_environments_of_a_process_that_cleared_its_own_leave_nothing_or_are_named() {
    let Some(user) = Ordinary::new() else { return };
    for plane_killed in [false, true] {
        let Some(up) = user.up(HIDES) else { return };
        let hidden = user.hidden();
        assert!(runs(hidden), "the service is in the background");
        if plane_killed {
            kill_and_wait(plane_of(&up.run));
        }
        let down = user.gearshift(&["down", &up.run], "run");
        assert!(down.status.success(), "{down:?}");
        if runs(hidden) {
            // Nothing leads to it any more, and `down` says so.
            assert!(plane_killed, "its data plane could have ended it: {down:?}");
            let told = format!("not seen: a process of {}'s row ec2 that had cleared", up.run);
            assert!(said(&down).contains(&told), "{down:?}");
            kill_and_wait(hidden);
        }
        assert!(!user.0.path().join("run/gearshift").join(&up.run).exists());
    }
}

#[test]
fn changed_environments_of_a_user_without_a_home_are_named() {
    let Some(user) = Ordinary::new() else { return };
    let up = user.gearshift(&["up", "ec2", "--builtin", "--json", "--physics", "off"], "run");
    let up: Up = serde_json::from_slice(&up.stdout).unwrap_or_else(|_| panic!("{up:?}"));
    // As long as its data plane runs, that leads to the directory.
    let place = user.0.path().join("run/gearshift").join(&up.run);
    assert!(place.is_dir());
    let down = user.gearshift(&["down", "--all"], "other");
    assert!(down.status.success() && !place.exists(), "{down:?}");
    // Where no list of users names a home, `down` has nowhere to look up what was killed.
    assert!(said(&down).contains("not seen: runs that were started with another"), "{down:?}");
}
