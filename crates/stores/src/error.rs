//! Why a store could not do what was asked.

use std::net::SocketAddr;

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
    #[error("a fault plan of {total} per thousand requests is more than all of them → lower it")]
    TooManyFaults { total: u64 },
    #[error(transparent)]
    Law(#[from] LawsError),
}
