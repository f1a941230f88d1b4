//! The `sim` target: a simulated provider behind the [`Target`](gearshift_deploy::Target) trait,
//! for tests and for planning.
//!
//! A [`Cloud`] is the provider; any number of [`SimTarget`] handles share it and remember nothing
//! themselves. It is seeded and lives on an injected [`Clock`](gearshift_deploy::Clock): the same
//! seed and the same calls at the same times give the same history. Answers can be slow, lost and
//! late ([`Faults`]).
//!
//! Invariants: no I/O, no real time unless the clock is real, no claim about any provider's speed
//! (that is what the twin's laws are for); no code runs, so a row is `unshaped`.

mod clock;
mod cloud;
mod config;
mod facts;
mod metering;
mod parts;
mod record;
mod run;
mod target;

pub use clock::ManualClock;
pub use cloud::{Cloud, HeldRequest, NotServing, Served};
pub use config::{CloudConfig, Faults, Spread};
pub use target::SimTarget;
