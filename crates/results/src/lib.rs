//! What a run of `compare` found: the types behind `results.json`, which only grow. Readers take what they know
//! and fields that an older version did not write have a default, so that files of older versions open.
//!
//! Invariants: data only; every number that a user may see has its origin; the schema's number rises
//! when a field changes its meaning or goes.

mod answers;
mod diff;
mod figures;
mod memory;
mod overhead;
mod published;
mod row;
mod run;
mod shifting;
mod slo;

pub use answers::{Answer, Difference, differences, varying};
pub use diff::{Change, Diff, diff};
pub use figures::{Ceiling, Cold, Counter, HowFast, Latency, MemoryUse, Money, PartMs, StateKept};
pub use memory::{MemoryPoint, MemorySweep};
pub use overhead::Overhead;
pub use published::{Published, published_2021};
pub use row::{RowResult, RowState};
pub use run::{Checks, Core, Machine, Pair, Results, ResultsError, SCHEMA};
pub use shifting::{Billed, Course, REFUSED, Shifting, Volume};
pub use slo::Slo;
