//! The steps by which a row is measured, on any target that it stands on.
//!
//! Invariants: a step is given a [`Subject`] and knows nothing of the steps before it nor of whoever put
//! them in order; it leaves the row as it found it, arranged conditions included; what the target cannot arrange is asked of
//! its facts beforehand.

pub mod answers;
mod asks;
pub mod ceiling;
pub mod cold;
mod core;
pub mod counter;
pub mod latency;
mod machine;
pub mod memory_use;
mod overhead;
pub mod state_kept;
mod subject;
mod worker;

pub use self::core::{MatchVcpu, Speed, core_factor, core_line};
pub use asks::{Asks, CounterPaths};
pub use machine::{loop_ms, machine};
pub use overhead::{OverheadError, overhead};
pub use subject::{MeasureError, Subject};
pub use worker::{Worker, WorkerError};
