//! Faults put in on purpose.

use serde::{Deserialize, Serialize};

/// How often, of a thousand store requests, each fault is put in.
///
/// A file store has no status codes. There the faults are drawn for writes, for reads that return
/// data and for `fsync` of changed files:
///
/// | fault | write | read, fsync |
/// | --- | --- | --- |
/// | `applied_then_500` | applied, then `EIO` | `EIO` |
/// | `not_applied_500` | not applied, `EIO` | `EIO` |
/// | `throttle` | not applied, `ENOSPC`: the disk is full | none |
/// | `reset` | torn: a random part of its beginning is applied, never all, then `EIO` | none |
///
/// A write stays applied where only its `fsync` fails. Metadata and locks do not suffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// The write is applied, then answered with status 500.
    pub applied_then_500: u32,
    /// The write is not applied and answered with status 500.
    pub not_applied_500: u32,
    /// The request is refused as throttled.
    pub throttle: u32,
    /// The write is applied, then the connection is reset.
    pub reset: u32,
}
