//! Why a row, a side or a member of it does not start, and why a condition cannot be arranged.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use gearshift_files::PrivateError;
use gearshift_gear::{Front, UnknownInstanceType};
use gearshift_laws::LawsError;
use gearshift_sandbox::SandboxError;
use gearshift_stores::StoreError;

use crate::place::NoSuchSide;

/// Why a row, a side or a member did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    NoSuchSide(#[from] NoSuchSide),
    #[error("the row has no pool")]
    NoPool,
    #[error("a {0} is no function")]
    NotAFunction(String),
    #[error("a pool of {0} is not built yet")]
    ComputeNotBuilt(String),
    #[error("front {0} is not built yet")]
    FrontNotBuilt(Front),
    #[error("a function needs the row's stores")]
    NoStores,
    #[error("a function without a file system cannot count in a file")]
    NoFileSystem,
    #[error(transparent)]
    InstanceType(#[from] UnknownInstanceType),
    #[error(transparent)]
    Laws(#[from] LawsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Directory(#[from] PrivateError),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("no free port on loopback: {0}")]
    NoPort(io::Error),
    #[error("port {0} is taken by another program → --port with another number, or none")]
    PortTaken(u16),
    #[error("port {port} cannot be opened: {error} → --port with another number")]
    Port { port: u16, error: io::Error },
    #[error("{}: {error}", program.display())]
    Program { program: PathBuf, error: io::Error },
    #[error("the image cannot be entered: {0}")]
    Image(io::Error),
    #[error("the Invoke API cannot listen: {0}")]
    InvokeApi(io::Error),
    #[error("the page has no address: {0}")]
    Page(#[from] hyper::http::uri::InvalidUri),
    #[error("its service ended before it listened ({status}){}", last_line(said))]
    Ended { status: ExitStatus, said: String },
    #[error("its service did not listen within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the instance's service has ended")]
    InstanceEnded,
    #[error("the row has ended")]
    RowEnded,
    /// Told to everybody who waited for the same member.
    #[error(transparent)]
    OfMember(Arc<StartError>),
}

/// Why a condition cannot be arranged here.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConditionError {
    #[error("this row has no store that could fail")]
    NoStore,
    #[error("it has no Spot members: nobody interrupts them")]
    NotSpot,
    #[error("no member is running")]
    NoMember,
    #[error("functions are not interrupted")]
    NotInterrupted,
    #[error("a {0} has no burst credits")]
    NoCredits(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a service said last before it ended, after a colon; nothing where it said nothing.
fn last_line(said: &str) -> String {
    said.trim().lines().last().map(|line| format!(": {line}")).unwrap_or_default()
}
