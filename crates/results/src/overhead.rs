//! What a target adds to a call.

use gearshift_gear::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The same handler through gateway and Runtime API, and behind a plain HTTP server in its own
/// process; physics off, no CPU limit; closed loop, one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    pub through_twin_p50_us: Known<f64>,
    pub plain_p50_us: Known<f64>,
    /// The difference.
    pub adds_p50_us: Known<f64>,
}
