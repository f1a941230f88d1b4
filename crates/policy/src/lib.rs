//! When to shift gears: one step function, a simulator, the exact offline optimum.
//!
//! Invariants: pure (no I/O, no clock, no randomness but a seed's); costs are integers
//! ([`NanoUsd`]), so a replay is the same to the last digit; it knows money, not providers.

mod economics;
mod optimum;
mod overflow;
mod policies;
mod replay;
mod step;
mod synthetic;
mod timing;
mod world;

pub use economics::{BURSTINESS, Economics, NanoUsd, PicoUsd, SAFE_SHARE};
pub use optimum::{Optimum, optimum};
pub use overflow::{overflow, tail};
pub use policies::{Alarms, Flex, Hysteresis, Lcp, Tracking};
pub use replay::{Demand, Totals, pass_all, replay};
pub use step::{Observation, Reason, State, explain, step};
pub use synthetic::Synthetic;
pub use timing::Timing;
pub use world::{Simulation, Stage, Tick, Want};
