//! The service as a child process.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::sync::watch;

use super::tee::Tee;
use crate::EntryError;
use crate::command::typed;

/// Lines of standard error in a message.
const LAST_LINES: usize = 10;

pub(crate) struct Service {
    command: String,
    group: Pid,
    stderr: Arc<Tee>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Service {
    /// Starts it in a process group of its own; its output goes where this process's goes.
    pub(crate) fn start(mut command: Command) -> Result<Self, EntryError> {
        let typed = typed(&command);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let started = command.process_group(0).spawn();
        let mut child =
            started.map_err(|error| EntryError::CannotStart { command: typed.clone(), error })?;
        let id = child.id().expect("nobody has waited for it yet");
        let stderr: OwnedFd = child.stderr.take().expect("it is piped").into_owned_fd()?;
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            if let Ok(status) = child.wait().await {
                let _ = end.send(Some(status));
            }
        });
        Ok(Self {
            command: typed,
            group: Pid::from_raw(i32::try_from(id).map_err(io::Error::other)?),
            stderr: Tee::of(stderr)?,
            ended,
        })
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        match status {
            Some(status) => status,
            None => std::future::pending().await,
        }
    }

    /// Passes on what it has logged.
    pub(crate) fn catch_up(&self) {
        self.stderr.catch_up();
    }

    /// Signals it and whatever it has started; nobody may be left.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = killpg(self.group, signal);
    }

    /// What is said of its end `when` it was not to end.
    pub(crate) fn exited(&self, status: ExitStatus, when: &str) -> EntryError {
        self.stderr.catch_up();
        let last = self.stderr.last_lines(LAST_LINES, "\n");
        let said = if last.is_empty() { String::new() } else { format!("; it said last:\n{last}") };
        let obituary = format!("`{}` ended {when} with {}{said}", self.command, words(status));
        EntryError::ServiceExited { obituary, status }
    }
}

fn words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("signal {signal}"),
            Err(_) => format!("signal {number}"),
        },
        (None, None) => "an unknown status".to_owned(),
    }
}
