//! What a demand would have cost under every shifting policy, beside the optimum.
//!
//! Invariants: pure but for reading traces; `policy` is told its economics here and knows no
//! provider; what a user sees in dollars is billed anew by `price`, in decimals.

mod billed;
mod policies;
mod shape;
mod verdict;
mod year;

pub use billed::billed;
pub use policies::{Compared, Line, Name, begins_at, compared, run};
pub use shape::Shape;
pub use verdict::{Decision, Facts, Plan, PlanLine, Point, SCHEMA, Verdict, plan};
pub use year::volume;
