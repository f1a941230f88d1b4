//! Bills, break-evens, winners and a year of shifting, from what a run measured.
//!
//! Invariants: pure; money is decimal; what a price is missing for is a gap, never zero.

mod bills;
mod error;
mod line;
mod quote;
mod scenario;
mod shifted;
mod shifting;

pub use bills::{End, Interval, PerUnit, PricedRow, billed_ms, break_even, row_usage};
pub use error::QuoteError;
pub use line::{Beyond, Burst, QuoteLine, Sums};
pub use quote::{Quote, quote};
pub use scenario::Scenario;
pub use shifted::FLEX;
pub use shifting::{days_of, shifting};
