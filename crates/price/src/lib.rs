//! Price book, usage to bill, break-even.
//!
//! Invariants: pure (no I/O, no clock, no randomness); money is [`rust_decimal::Decimal`] from the
//! book's text to the last sum, never a float; a missing price is a [`Gap`] that names it, never
//! zero; every amount carries its [`gearshift_gear::Origin`].
//!
//! The way through: [`PriceBook::shipped`] gives a region's prices, [`fixed_usage`] and
//! [`per_call_usage`] give a row's usage, [`bill`] prices it line by line, and the [`Bill`] answers
//! for any number of calls a month. [`break_even`] and [`winners`] compare bills.
#![forbid(clippy::float_arithmetic)]

mod bill;
mod book;
mod break_even;
mod curve;
mod date;
mod error;
mod free;
pub mod offers;
mod preset;
mod price;
mod usage;
mod winners;

pub use gearshift_gear::Group;

pub use bill::{Bill, BillLine, Priced, WithUnits, bill, units};
pub use book::PriceBook;
pub use break_even::{BreakEven, Side, break_even, break_even_with_units, combine};
pub use curve::{MAX_CALLS_PER_MONTH, MAX_UNITS};
pub use date::{BadPriceDate, PriceDate};
pub use error::{Gap, PriceError};
pub use preset::{Per, Preset, PresetLine, PresetRow, seed_2021};
pub use price::{Confidence, Price, Tier};
pub use usage::{FixedLine, SECONDS_PER_MONTH, Usage, UsagePerCall, fixed_usage, per_call_usage};
pub use winners::{Candidate, LeftOut, Segment, Winners, winners};
