//! What can go wrong with a registry.

use std::path::PathBuf;

/// Why a registry did not give or take an image. Each text ends in the next step.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection, or no answer.
    #[error("{registry} cannot be reached: {why} → {next}")]
    Unreachable { registry: String, why: String, next: String },
    /// It does not know who asks, or does not let them.
    #[error("{registry} refuses {what} ({status}{said}) → {next}")]
    Denied {
        registry: String,
        /// What was asked, as a noun: `reading library/hits` …
        what: String,
        status: u16,
        /// In the registry's own words, with `: ` before them; or empty.
        said: String,
        next: String,
    },
    #[error("{registry} has no {what}{said} → check name and tag")]
    NotFound { registry: String, what: String, said: String },
    /// It answers with an error, or not to the end, however often it is asked.
    #[error(
        "{registry} fails at {what}: {why}, {attempts} times in a row → try again later{resumes}"
    )]
    Failed {
        registry: String,
        what: String,
        why: String,
        attempts: u32,
        /// What is not lost, beginning with a colon; or empty.
        resumes: String,
    },
    /// It answers what no registry should.
    #[error(
        "{registry} gives no answer of a registry to {what}: {why} → is {registry} a registry?"
    )]
    Strange { registry: String, what: String, why: String },
    #[error("no credentials for {registry}: {why} → {next}")]
    Credentials { registry: String, why: String, next: String },
    #[error("the authorities in {} cannot be used: {why} → give a file of PEM certificates", file.display())]
    Authorities { file: PathBuf, why: String },
}
