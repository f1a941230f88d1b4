//! The main job: rows one after the other, each stood up, measured, metered, priced and taken down.
//!
//! Invariants: everything a user may see is in [`Results`](gearshift_results::Results), each number with
//! its origin; nothing stays behind whatever fails; a row that cannot be measured does not stop the others.

mod memory;
mod plan;
mod provision;
mod row;
mod run;

pub use plan::{Phase, Plan, Progress};
pub use provision::{Provided, Provision};
pub use run::{CompareError, compare};
