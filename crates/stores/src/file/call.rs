//! How a file store is started, and what it tells about one request.

use std::sync::Arc;
use std::time::Instant;

use gearshift_laws::Laws;

use crate::{DeclaredWait, Fault};

/// How a file store is started.
#[derive(Clone)]
pub struct FileConfig {
    /// Where the draws of laws and faults start.
    pub seed: u64,
    /// `efs.read`, `efs.write`, `efs.create`, `efs.stat`, `efs.unlink` and `efs.lock` are used.
    pub laws: Arc<Laws>,
    /// Told about every request that waited or suffered a fault.
    pub hook: Option<FileHook>,
}

/// One request of a client, told just before its reply leaves.
#[derive(Clone, Debug)]
pub struct FileCall {
    /// As given to [`crate::FileStore::mount`].
    pub client: String,
    /// Such as `read`, `fsync`, `close`, `lookup` or `lock`.
    pub operation: &'static str,
    /// The laws it was held to. Empty with physics off.
    pub declared: Vec<DeclaredWait>,
    /// When it reached the store.
    pub began: Instant,
    /// When its reply leaves.
    pub ended: Instant,
    /// By how much real work outlasted the laws, in ms; absent when it did not. Waiting until
    /// another owner gives a lock up is no lateness.
    pub late_ms: Option<f64>,
    /// The fault that was put in.
    pub fault: Option<Fault>,
}

impl FileCall {
    /// Milliseconds of all laws together.
    pub fn declared_ms(&self) -> f64 {
        self.declared.iter().map(|wait| wait.ms).sum()
    }
}

/// Called on the store's own threads: it must not block, nor use a mount of the same store.
pub type FileHook = Arc<dyn Fn(FileCall) + Send + Sync>;
