//! What the tests share: the `gearshift` command as a user runs it, in a folder of its own.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gearshift_deploy::Credentials;
use serde::Deserialize;
use tempfile::TempDir;

/// Where all tests keep what takes long to prepare, apart from this user's own.
pub fn cache_home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// A folder in which `gearshift` runs; what a test started in it ends with it.
pub struct Folder {
    directory: TempDir,
    runs: std::sync::Mutex<Vec<String>>,
}

/// What `gearshift up --json` says.
#[derive(Clone, Debug, Deserialize)]
pub struct Up {
    pub run: String,
    pub row: String,
    pub url: String,
    pub endpoints: BTreeMap<String, String>,
    pub credentials: Option<Credentials>,
}

impl Up {
    /// What its endpoints are called with.
    pub fn credentials(&self) -> &Credentials {
        self.credentials.as_ref().expect("a row with endpoints has credentials")
    }
}

impl Folder {
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a temporary folder");
        Self { directory, runs: Default::default() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory in which what runs here keeps its sockets.
    pub fn base(&self) -> PathBuf {
        self.path().join("gearshift")
    }

    /// The command, not started yet.
    pub fn gearshift(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gearshift"));
        command.args(arguments).current_dir(self.path());
        // A ledger of its own: tests run beside each other. The cache is one for all tests.
        command.env("XDG_RUNTIME_DIR", self.path()).env("XDG_CACHE_HOME", cache_home());
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.gearshift(arguments).output().expect("gearshift starts")
    }

    /// Runs the command, which must succeed, and returns its standard output.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gearshift {arguments:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }

    /// The same with a cache of its own.
    pub fn run_isolated(&self, arguments: &[&str]) -> Output {
        let cache = self.path().join("cache");
        let mut command = self.gearshift(arguments);
        command.env("XDG_CACHE_HOME", cache).output().expect("gearshift starts")
    }

    /// [`Folder::text`] with a cache of its own.
    pub fn isolated(&self, arguments: &[&str]) -> String {
        let output = self.run_isolated(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gearshift {arguments:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }

    /// Keeps a row running until this folder is dropped.
    pub fn up(&self, row: &str, options: &[&str]) -> Up {
        let arguments = [&["up", row, "--json"], options].concat();
        let up: Up = serde_json::from_str(&self.text(&arguments)).expect("JSON of up");
        self.runs.lock().unwrap().push(up.run.clone());
        up
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for run in self.runs.lock().unwrap().iter() {
            let _ = self.run(&["down", run]);
        }
    }
}

/// A small disk, mounted for a test; none where this user must not.
pub struct Disk(PathBuf);

impl Disk {
    /// Of this many KiB.
    pub fn of(at: &Path, kib: u32) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(at)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        assert!(std::env::var_os("CI").is_none(), "a small disk cannot be mounted");
        eprintln!("SKIPPED: a small disk cannot be mounted by this user");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
