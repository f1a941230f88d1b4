//! What a demand would have cost under every shifting policy, beside the optimum.
//!
//! Invariants: pure but for reading traces; `policy` is told its economics here and knows no
//! provider; what a user sees in dollars is billed anew by `price`, in decimals.

mod billed;
mod policies;
mod service;
mod shape;
mod verdict;
mod year;

pub use billed::{Billed, billed};
pub use policies::{Compared, Line, Name, begins_at, compared, run};
pub use service::{PlanError, PriceUsed, Priced, Service};
pub use shape::Shape;
pub use verdict::{Decision, Facts, Plan, PlanLine, Point, SCHEMA, Verdict, plan};
pub use year::{Course, Volume, volume};

/// Above this share of refused requests a gear does not count as an alternative.
pub(crate) const REFUSED: f64 = 0.0001;
