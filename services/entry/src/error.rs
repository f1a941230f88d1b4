//! What can go wrong before and beside the requests.

use std::io;
use std::process::{Command, ExitStatus};

use crate::command::typed;
use crate::health::Unwell;

/// Why the service cannot be run, or not any longer; each says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("there is no command → write it behind `--`: gearshift-entry -- ./server --port $PORT")]
    NoCommand,
    #[error("{name}={value:?} cannot be used: {why}")]
    Setting { name: &'static str, value: String, why: String },
    #[error("port {port} is taken → set another PORT, or PORT=0 for any that is free")]
    PortTaken { port: u16 },
    #[error("no port is free between 10000 and 32767 → set PORT")]
    NoFreePort,
    #[error("`{command}` cannot be started: {error}")]
    CannotStart { command: String, error: io::Error },
    #[error("{obituary}")]
    ServiceExited { obituary: String, status: ExitStatus },
    #[error("the Lambda Runtime API at {address} failed: {why}")]
    RuntimeApi { address: String, why: String },
    #[error(transparent)]
    Unwell(#[from] Unwell),
    #[error("the system refuses what an adapter needs: {0}")]
    System(#[from] io::Error),
}

impl EntryError {
    pub(crate) fn cannot_start(command: &Command, error: io::Error) -> Self {
        Self::CannotStart { command: typed(command), error }
    }

    /// What Lambda shows as `errorType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoCommand | Self::Setting { .. } => "Entry.Usage",
            Self::PortTaken { .. } | Self::NoFreePort => "Entry.PortTaken",
            Self::CannotStart { .. } => "Service.CannotStart",
            Self::ServiceExited { .. } => "Service.Exited",
            Self::RuntimeApi { .. } => "Entry.RuntimeApi",
            Self::Unwell(_) => "Service.Unwell",
            Self::System(_) => "Entry.System",
        }
    }

    /// The process's exit code, never 0: 2 for wrong use, 126 and 127 as shells have it, the
    /// service's own where it ended.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoCommand | Self::Setting { .. } => 2,
            Self::CannotStart { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            Self::CannotStart { .. } => 126,
            Self::ServiceExited { status, .. } => code_of(*status).max(1),
            _ => 1,
        }
    }
}

/// As shells have it: 128 and the signal's number for a process ended by one.
pub(crate) fn code_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
