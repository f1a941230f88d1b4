//! Why a store could not do what was asked.

use std::net::SocketAddr;
use std::path::PathBuf;

use gearshift_gear::Missing;
use gearshift_laws::LawsError;

/// Names what failed and the next step.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("a store listens on loopback only, not on {0} → use 127.0.0.1")]
    NotLoopback(SocketAddr),
    #[error("the store cannot listen on {at}: {source} → choose another port, or 0 for a free one")]
    Listen { at: SocketAddr, source: std::io::Error },
    #[error("the table engine did not start: {0} → report this with your platform")]
    Engine(String),
    #[error("table `{name}` cannot be created: {why}")]
    Table { name: String, why: String },
    #[error("bucket `{name}` cannot be used: {why}")]
    Bucket { name: String, why: String },
    #[error("{0}")]
    NoFiles(#[from] Missing),
    #[error("a file store cannot be mounted at {}: {source} → name an empty directory of yours", .at.display())]
    Mount { at: PathBuf, source: std::io::Error },
    #[error("the file store did not start: {0} → free memory or threads")]
    Files(std::io::Error),
    #[error("a fault plan of {total} per thousand requests is more than all of them → lower it")]
    TooManyFaults { total: u64 },
    #[error(transparent)]
    Law(#[from] LawsError),
}
