//! Faults put in on purpose.

use serde::{Deserialize, Serialize};

/// How often, of a thousand store requests, each fault is put in.
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
