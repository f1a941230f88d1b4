//! What every step is given.

use gearshift_deploy::{Facts, Target, TargetError};
use gearshift_gear::{Row, RunId};

use crate::{Asks, Worker, WorkerError};

/// A row that stands, and what it is measured with.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub target: &'a dyn Target,
    /// What the target is like for this row.
    pub facts: &'a Facts,
    pub worker: &'a Worker,
    pub run: &'a RunId,
    pub row: &'a Row,
    /// The row's address, such as `http://127.0.0.1:4000`.
    pub url: &'a str,
    /// What is asked of this row.
    pub asks: &'a Asks,
    /// One core of this machine in vCPUs of the provider.
    pub core_factor: f64,
    /// The factor's lowest and highest believable value.
    pub core_range: (f64, f64),
}

/// Why a step could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error("{url} does not answer with a count ({why})")]
    NoCount { url: String, why: String },
}
