//! Embedded stores with the provider's delays, metering and faults in front.
//!
//! A [`TableStore`] is DynamoDB on a loopback port: the wire protocol and the data are
//! `dynoxide`'s. An [`ObjectStore`] is S3: the wire protocol is `s3s`'s, the data lie under one lock
//! of ours, so that conditional writes are compare-and-swap. A [`FileStore`] is EFS, mounted by FUSE
//! once per client. The front before each answers requests at the deadline their laws draw, meters
//! them as AWS bills them, tells the caller's host what was declared, and puts in faults on purpose.
//!
//! Invariants: loopback only; a law is a deadline counted from the request's arrival, so real work
//! is part of it; an injected fault is counted, and whether the write behind it was applied is
//! exactly what its kind says.

mod answer;
mod call;
mod connection;
mod error;
mod faults;
mod file;
mod front;
mod meter;
mod object;
mod table;

pub use call::{DeclaredWait, Hook, Metered, StoreCall};
pub use error::StoreError;
pub use faults::{Fault, FaultCounts};
pub use file::{FileCall, FileConfig, FileHook, FileStore, Mount, files_available, unmount_below};
pub use object::{ObjectConfig, ObjectStore};
pub use table::{TableConfig, TableStore};
