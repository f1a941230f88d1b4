//! A store with its mounts in a directory of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gearshift_laws::Laws;
use gearshift_stores::{FileCall, FileConfig, FileStore, Mount, files_available};
use tempfile::TempDir;

pub struct Place {
    pub store: FileStore,
    pub told: Arc<Mutex<Vec<FileCall>>>,
    mounts: Vec<Mount>,
    directory: TempDir,
}

/// A store with physics off, or none where nothing can be mounted, said aloud.
pub fn place(clients: usize) -> Option<Place> {
    place_with(Laws::shipped().off(), clients)
}

pub fn place_with(laws: Laws, clients: usize) -> Option<Place> {
    if let Err(missing) = files_available() {
        eprintln!("SKIPPED, nothing was tested: {missing}");
        return None;
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let config = FileConfig {
        seed: 1,
        laws: Arc::new(laws),
        hook: Some(Arc::new(move |call| tell.lock().unwrap().push(call))),
    };
    let store = FileStore::start(config).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut place = Place { store, told, mounts: Vec::new(), directory };
    for number in 0..clients {
        std::fs::create_dir(place.at(number)).unwrap();
        place.mounts.push(place.store.mount(&place.at(number), &format!("task-{number}")).unwrap());
    }
    Some(place)
}

impl Place {
    /// Where a client sees the store.
    pub fn at(&self, client: usize) -> PathBuf {
        self.directory.path().join(format!("task {client}"))
    }

    /// A client goes.
    pub fn unmount(&mut self, client: usize) {
        self.mounts.remove(client);
    }

    /// Runs a script with a client's mount as its working directory; what it printed.
    pub fn python(&self, client: usize, script: &str) -> String {
        let output = script_in(&self.at(client), script).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{errors}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Starts a script that goes on until it is told to.
    pub fn start(&self, client: usize, script: &str) -> Running {
        let mut command = script_in(&self.at(client), script);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Running { child, stdin, stdout: BufReader::new(stdout.unwrap()) }
    }

    /// Ends everything, and nothing stays mounted.
    pub fn end(self) {
        let Self { mounts, directory, .. } = self;
        drop(mounts);
        assert_eq!(mounted_below(directory.path()), 0);
    }
}

/// How many mounts the kernel shows below a directory.
pub fn mounted_below(directory: &Path) -> usize {
    let written = directory.to_str().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.contains(written)).count()
}

/// A script that was started.
pub struct Running {
    pub child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// The next line it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Lets `input()` return in the script.
    pub fn go_on(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// `SIGKILL`, and until the process is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(10), "a killed process does not die");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Not waited for: it may not die before its mount goes.
        let _ = self.child.kill();
        let _ = self.child.try_wait();
    }
}

fn script_in(directory: &Path, script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-u", "-c", script]).current_dir(directory);
    command
}
