//! `gearshift.toml`: how a service is started, what is asked of it, and how it is compared.
//!
//! One file describes a service; [`Manifest::read`] reads it, [`init::draft`] writes a first one by
//! looking at a folder. What the file says is checked while it is read, so that an error names its
//! line, its key and what is allowed.
//!
//! Invariants: a manifest that was read is whole, every flag of `gearshift compare` has a key, and
//! nothing here starts anything.

mod code_zip;
mod command;
mod error;
mod function;
pub mod init;
mod manifest;
mod package;
mod program;
mod words;

pub use command::CommandLine;
pub use error::ManifestError;
pub use function::{Function, Gateway, Key, Language, Runtime, Table};
pub use manifest::{Body, Compare, Counter, Manifest, Request, Service, Slo, schema};
pub use words::{HeaderName, Method, RowName, ServiceName, Status, UrlPath, Weight};

/// The file's name, looked for in the folder where Gearshift runs.
pub const FILE: &str = "gearshift.toml";
