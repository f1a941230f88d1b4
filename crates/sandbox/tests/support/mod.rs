//! What the tests share: a run of their own, ended with the test, and children that do as told.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use gearshift_gear::RunId;
use gearshift_sandbox::{Cores, Enforcement, Host, Limits, Sandbox, sweep};

/// A run nobody else has: eight digits, where Gearshift itself gives four. What is left of it goes
/// with the test.
pub struct Run {
    pub host: Host,
    pub id: RunId,
    children: std::sync::Mutex<Vec<Child>>,
}

/// A run on a machine that enforces shares. None, said loudly, where this one does not; in
/// continuous integration (`CI` is set) that is a failure.
pub fn run() -> Option<Run> {
    let host = Host::detect();
    if let Enforcement::Unshaped { why, .. } = host.enforcement() {
        assert!(std::env::var_os("CI").is_none(), "nothing is enforced here: {why}");
        eprintln!("SKIPPED: nothing is enforced here: {why}");
        return None;
    }
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:04x}{number:04x}", std::process::id() & 0xffff);
    Some(Run { host, id: id.parse().expect("eight hex digits"), children: Default::default() })
}

impl Run {
    pub fn sandbox(&self, member: &str, limits: &Limits) -> Sandbox {
        Sandbox::create(&self.host, &self.id, member, limits).expect("a sandbox")
    }

    /// A shell script inside the sandbox; its number.
    pub fn script(&self, sandbox: &Sandbox, script: &str) -> u32 {
        let mut command = shell(script);
        sandbox.enter(&mut command).expect("an open sandbox");
        self.keep(command)
    }

    /// Starts a command that is ended with this run; its process number.
    pub fn keep(&self, mut command: Command) -> u32 {
        let child = command.spawn().expect("a shell");
        let pid = child.id();
        self.children.lock().unwrap().push(child);
        pid
    }

    /// Waits for a script's end: its exit code, or none where a signal ended it.
    pub fn wait(&self, pid: u32) -> Option<i32> {
        let mut children = self.children.lock().unwrap();
        let at = children.iter().position(|child| child.id() == pid).expect("a child");
        children.swap_remove(at).wait().expect("it was started here").code()
    }

    /// Every directory of this run in any control group tree, found without the crate's help.
    pub fn directories(&self) -> Vec<PathBuf> {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("Linux");
        let trees = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (path, kind) = (fields.next()?, fields.next()?);
            kind.starts_with("cgroup").then(|| PathBuf::from(path))
        });
        let mut found = Vec::new();
        for tree in trees {
            let run = tree.join("gearshift").join(self.id.as_str());
            let members = std::fs::read_dir(&run).into_iter().flatten().flatten();
            let members = members.map(|entry| entry.path()).filter(|path| path.is_dir());
            found.extend(members);
            found.extend(run.exists().then_some(run));
        }
        found
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        sweep(&self.host, &self.id, |_| true);
        for child in self.children.lock().unwrap().iter_mut() {
            // Not waited for: one that the sweep left behind frozen would not die.
            let _ = child.kill();
            let _ = child.try_wait();
        }
    }
}

/// A shell that says nothing.
pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Uses as much CPU as it gets.
pub const BURN: &str = "while :; do :; done";

/// One core, so that a process is not moved between two halves of a quota.
pub fn one_core() -> Vec<usize> {
    Cores::split().services.last().copied().into_iter().collect()
}

/// Looks until it is so, at most ten seconds.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
