//! Why a build could not be made ready.

use std::io;
use std::path::PathBuf;

use gearshift_files::PrivateError;
use gearshift_gear::Missing;

/// Names what failed; [`PrepareError::next`] is the next step. Nothing half-made is left.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("{}", .0.why)]
    Missing(Missing),
    #[error("{} needs {needed_mb:.0} MB, {free_mb:.0} MB are free", path.display())]
    NoRoom { path: PathBuf, needed_mb: f64, free_mb: f64 },
    /// The disk filled up meanwhile.
    #[error("{tool} found no space left at {}", path.display())]
    DiskFull { tool: String, path: PathBuf },
    #[error("{tool} cannot reach the package registry ({said})")]
    NoNetwork { tool: String, said: String },
    #[error("{tool} ended with {how}{}", said_after(said))]
    ToolFailed { tool: String, how: String, said: String },
    #[error("what {tool} fetched is not what was asked for: {what}")]
    Unexpected { tool: String, what: String },
    /// Its text ends with the next step.
    #[error("{}", in_two(.0).0)]
    Place(PrivateError),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// The reason and the next step.
pub(crate) fn in_two(error: &impl ToString) -> (String, String) {
    let said = error.to_string();
    let (why, next) = said.split_once(" → ").unwrap_or((&said, "set XDG_CACHE_HOME"));
    (why.to_owned(), next.to_owned())
}

fn said_after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl PrepareError {
    /// What to do next.
    pub fn next(&self) -> String {
        match self {
            Self::Missing(missing) => missing.how_to_get_it.clone(),
            Self::Place(why) => in_two(why).1,
            Self::NoRoom { .. } | Self::DiskFull { .. } => {
                "free space there, or set XDG_CACHE_HOME to another disk".to_owned()
            }
            Self::NoNetwork { .. } => {
                "connect and run it again; once prepared it works --offline".to_owned()
            }
            Self::ToolFailed { .. } | Self::Unexpected { .. } | Self::Io { .. } => {
                "run it again; gearshift doctor says what it needs".to_owned()
            }
        }
    }

    /// As what a row lacks.
    pub fn missing(&self, build: &str) -> Missing {
        match self {
            Self::Missing(missing) => missing.clone(),
            _ => Missing {
                what: format!("preparing {build}"),
                why: self.to_string(),
                how_to_get_it: self.next(),
            },
        }
    }
}

/// Says what an I/O error happened while.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, PrepareError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, PrepareError> {
        self.map_err(|source| PrepareError::Io { what: what(), source })
    }
}
