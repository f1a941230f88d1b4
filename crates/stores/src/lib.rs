//! Embedded stores with the provider's delays, metering and faults in front.
//!
//! A [`TableStore`] is DynamoDB on a loopback port: the wire protocol and the data are
//! `dynoxide`'s, and the front before it answers each request at the deadline its law draws, meters
//! write and read units as AWS bills them, tells the caller's host what was declared, and puts in
//! faults on purpose.
//!
//! Invariants: loopback only; a law is a deadline counted from the request's arrival, so real work
//! is part of it; an injected fault is counted, and whether the write behind it was applied is
//! exactly what its kind says.

mod answer;
mod call;
mod connection;
mod engine;
mod error;
mod faults;
mod front;
mod meter;
mod operation;
mod table;

pub use call::{DeclaredWait, Hook, StoreCall};
pub use error::StoreError;
pub use faults::{Fault, FaultCounts};
pub use table::{TableConfig, TableStore};
