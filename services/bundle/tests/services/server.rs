//! A service as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wire::{Connection, Message, PATIENCE};

/// A running `hits`; ends with the test.
pub struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub address: SocketAddr,
    pub first_line: String,
}

impl Server {
    /// Starts `hits` on a free port with just these environment variables besides.
    pub fn start(env: &[(&str, &str)]) -> Self {
        let mut child = spawn(command("hits", env).env("PORT", "0").stderr(Stdio::piped()));
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut first_line = String::new();
        stderr.read_line(&mut first_line).expect("text");
        let address = first_line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("no address in {first_line:?}"));
        let address = address.parse().expect("an address");
        Self { child, stderr, address, first_line }
    }

    /// Starts `hits` where it may use one processor only: it runs on a single thread then.
    pub fn start_on_one_processor() -> Self {
        let pinned = thread::spawn(|| {
            let this = Pid::from_raw(0);
            let allowed = sched_getaffinity(this).expect("Linux");
            let first = (0..CpuSet::count()).find(|n| allowed.is_set(*n).is_ok_and(|set| set));
            let mut one = CpuSet::new();
            one.set(first.expect("this thread runs somewhere")).expect("it is in range");
            sched_setaffinity(this, &one).expect("fewer processors are always allowed");
            Self::start(&[])
        });
        pinned.join().expect("no panic")
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str) -> Message {
        self.connect().ask(method, path)
    }

    /// CPU time used so far, in the kernel's ticks (10 ms each): fields 14 and 15 of proc(5)'s stat.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("it is our child");
        let after_name = stat.rsplit(')').next().expect("at least one part");
        let ticks = |field: usize| -> u64 {
            after_name
                .split_whitespace()
                .nth(field - 3)
                .expect("proc(5)")
                .parse()
                .expect("a number")
        };
        ticks(14) + ticks(15)
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids fit");
        kill(Pid::from_raw(id), signal).expect("it is our child");
    }

    /// Waits for its end; returns the exit code and the rest of standard error.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("it is our child").code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs `hits` to its end, which must come by itself.
pub fn run(env: &[(&str, &str)]) -> Output {
    let mut child = spawn(command("hits", env).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let began = Instant::now();
    while child.try_wait().expect("it is our child").is_none() {
        if began.elapsed() > PATIENCE {
            _ = child.kill();
            panic!("still running with {env:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("it is our child")
}

/// Where this service's binary lies.
pub fn binary(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("services");
    gearshift_services::service(name).expect("it is built in").place_in(&dir).expect("space")
}

/// This service with just these environment variables.
pub fn command(name: &str, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary(name));
    command.env_clear().envs(env.iter().copied()).stdin(Stdio::null());
    command
}

/// Spawns, again while another thread's fork still holds the binary open for writing.
pub fn spawn(command: &mut Command) -> Child {
    loop {
        match command.spawn() {
            Err(why) if why.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(5));
            }
            spawned => return spawned.expect("the binary runs here"),
        }
    }
}
