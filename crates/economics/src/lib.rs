//! A service's two sides in money: what a call, an hour and a shift cost, from prices and from what a
//! run measured. `plan`, the live controller and `compare` decide by the same figures.
//!
//! Invariants: pure; money is decimal, and whole numbers where `policy` counts it.

mod measured;
mod service;

pub use measured::{HIGH, NotMeasured, service_of, valid_service_of};
pub use service::{EconomicsError, MOST_PER_S, PriceUsed, Priced, Prices, Service};
