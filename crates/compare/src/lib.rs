//! The main job as one line of data: row → deployment → URL → measurement + usage → bill → line of
//! the report.
//!
//! Invariants: everything a user may see of a run is in [`Results`], each number with its origin;
//! rows do not share anything but the machine; this crate measures through a [`Target`] and a load
//! worker in a process of its own, and does not know what the target is made of.
//!
//! [`Target`]: gearshift_deploy::Target

mod asks;
mod ceiling;
mod cold;
mod core;
mod counter;
mod diff;
#[cfg(test)]
mod doubling_tests;
mod footprint;
mod keeps;
mod latency;
mod machine;
mod memory;
mod money;
mod overhead;
mod parity;
mod plan;
mod provision;
mod quote;
mod results;
mod row;
mod run;
mod shifting;
mod slo;
mod worker;

pub use self::core::{core_factor, provider_of};
pub use asks::{Asks, CounterPaths};
pub use diff::{Change, Diff, diff};
pub use money::{Interval, row_usage};
pub use overhead::{Overhead, OverheadError, overhead};
pub use parity::{Answer, Difference};
pub use plan::{MatchVcpu, Phase, Plan, Progress};
pub use provision::Provision;
pub use quote::{Asked, Burst, FLEX, Quote, QuoteLine, Sums, quote};
pub use results::{
    Ceiling, Checks, Cold, Core, Counter, HowFast, Keeps, Latency, Machine, MemoryPoint,
    MemorySweep, MemoryUse, Money, Pair, PartMs, Published, Results, ResultsError, RowResult,
    RowState, SCHEMA, published_2021,
};
pub use run::{CompareError, compare};
pub use shifting::{HIGH, Shifting, days_of, service_of, shifting};
pub use slo::Slo;
pub use worker::{Worker, WorkerError};
