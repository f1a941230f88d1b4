//! Running other programs: watched, found again by their marks, and ended with whoever waits.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use walkdir::WalkDir;

use crate::error::Doing;
use crate::{Fetch, PrepareError, Step};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(400);
/// Less than this is as good as nothing.
const FULL_MB: f64 = 1.0;
/// What of a tool's words stands in a message.
const SAID_CHARS: usize = 240;
const SAID_LINES: usize = 3;

/// How network failures read in the words of pip, npm and their libraries.
const NO_NETWORK: [&str; 9] = [
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENETUNREACH",
    "ETIMEDOUT",
    "NewConnectionError",
    "Connection refused",
    "Name or service not known",
    "Network is unreachable",
];

/// Where one entry is made.
pub(crate) struct Workshop<'a> {
    /// The directory that grows.
    pub(crate) bench: &'a Path,
    pub(crate) fetch: &'a Fetch,
    /// Variables by which what is started is found again.
    pub(crate) marks: &'a [(String, String)],
    pub(crate) told: &'a (dyn Fn(Step) + Sync),
}

/// A program and everything it started; ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It leads a group of its own; what it started ends with it.
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Workshop<'_> {
    /// Runs a program to its good end. `tool` is what people call it.
    pub(crate) async fn run(&self, tool: &str, mut command: Command) -> Result<(), PrepareError> {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let log = self.bench.join(format!(".log-{number}"));
        let file = File::create(&log).doing(|| format!("writing {}", log.display()))?;
        let also = file.try_clone().doing(|| format!("writing {}", log.display()))?;
        let marks = self.marks.iter().map(|(name, value)| (name, value));
        command.envs(marks).stdin(Stdio::null()).stdout(file).stderr(also).process_group(0);
        let child = command.kill_on_drop(true).spawn().doing(|| format!("starting {tool}"))?;
        tracing::debug!(tool, pid = child.id(), "a tool was started");
        let mut running = Running(child);
        let status = loop {
            tokio::select! {
                status = running.0.wait() => break status.doing(|| format!("waiting for {tool}"))?,
                () = tokio::time::sleep(LOOK) => self.tell(tool),
            }
        };
        tracing::debug!(tool, %status, "a tool has ended");
        let said = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let removed = fs::remove_file(&log);
        if status.success() {
            return removed.doing(|| format!("removing {}", log.display()));
        }
        Err(self.failed(tool, status, &said))
    }

    fn tell(&self, tool: &str) {
        let (done_mb, of_mb) = (megabytes(self.bench), self.fetch.disk_mb);
        (self.told)(Step { tool: tool.to_owned(), done_mb, of_mb });
    }

    fn failed(&self, tool: &str, status: ExitStatus, said: &str) -> PrepareError {
        let tool = tool.to_owned();
        let full = free_mb(self.bench).is_some_and(|free_mb| free_mb < FULL_MB);
        if full || ["No space left", "ENOSPC"].iter().any(|words| said.contains(words)) {
            let path = self.bench.parent().unwrap_or(self.bench).to_owned();
            return PrepareError::DiskFull { tool, path };
        }
        if let Some(words) = NO_NETWORK.iter().find(|words| said.contains(**words)) {
            return PrepareError::NoNetwork { tool, said: (*words).to_owned() };
        }
        let how = match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("exit code {}", status.code().unwrap_or_default()),
        };
        PrepareError::ToolFailed { tool, how, said: gist(said) }
    }
}

/// The lines that say what is wrong, else the last one.
fn gist(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let wrong = |line: &&str| {
        let line = line.to_lowercase();
        line.contains("error") && !line.contains("complete log")
    };
    let mut told: Vec<&str> = lines().filter(wrong).take(SAID_LINES).collect();
    if told.is_empty() {
        told.extend(lines().next_back());
    }
    told.join("; ").chars().filter(|c| !c.is_control()).take(SAID_CHARS).collect()
}

/// What lies in this directory.
fn megabytes(directory: &Path) -> f64 {
    let files = WalkDir::new(directory).into_iter().flatten();
    let bytes: u64 = files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum();
    bytes as f64 / 1e6
}

/// What is free where this directory lies; none where the system does not say.
pub(crate) fn free_mb(directory: &Path) -> Option<f64> {
    let volume = statvfs(directory).ok()?;
    Some(volume.blocks_available() as f64 * volume.fragment_size() as f64 / 1e6)
}

/// The programs of these names on the path, or the first that is missing.
pub(crate) fn find<const N: usize>(names: [&'static str; N]) -> Result<[PathBuf; N], &'static str> {
    let mut missing = None;
    let found = names.map(|name| {
        which::which(name).unwrap_or_else(|_| {
            missing.get_or_insert(name);
            PathBuf::new()
        })
    });
    missing.map_or(Ok(found), Err)
}

/// The packages, of pairs of a program and the Debian package that has it, whose program is not on the
/// path.
pub(crate) fn lacking(pairs: &[(&str, &'static str)]) -> Vec<&'static str> {
    let absent = pairs.iter().filter(|(program, _)| which::which(program).is_err());
    absent.map(|(_, package)| *package).collect()
}

/// What a program prints on standard output, if it succeeds.
pub(crate) fn answer(command: &mut std::process::Command) -> Option<String> {
    answer_to(command, "")
}

/// What it prints when it is told this on standard input.
pub(crate) fn answer_to(command: &mut std::process::Command, told: &str) -> Option<String> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().ok()?;
    // It may not want to hear it; what it says then counts.
    let _ = child.stdin.take()?.write_all(told.as_bytes());
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What these files would take in a package, bytes: each compressed by itself, as a zip does.
pub(crate) fn zip_bytes(files: impl IntoIterator<Item = PathBuf>) -> Result<u64, PrepareError> {
    let mut bytes = 0;
    for path in files {
        let content = fs::read(&path).doing(|| format!("reading {}", path.display()))?;
        let compressed = zstd::bulk::compress(&content, 0);
        bytes += compressed.doing(|| format!("compressing {}", path.display()))?.len() as u64;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_is_what_names_an_error_or_the_last_word() {
        let npm = "npm warn x\nnpm error code E404\nnpm error 404 Not Found\n\
                   npm error A complete log of this run can be found in: /somewhere\n";
        assert_eq!(gist(npm), "npm error code E404; npm error 404 Not Found");
        assert_eq!(gist("all\nwell\n\n"), "well");
        assert_eq!(gist(""), "");
        assert!(gist(&"error ".repeat(400)).len() <= SAID_CHARS);
    }
}
