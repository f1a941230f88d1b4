use std::io;
use std::path::{Path, PathBuf};

/// A control-group operation the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source} → gearshift doctor", path.display())]
pub struct SandboxError {
    pub what: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

/// Names what was tried and where.
pub(crate) trait While<T> {
    fn doing(self, what: &'static str, path: &Path) -> Result<T, SandboxError>;
}

impl<T> While<T> for io::Result<T> {
    fn doing(self, what: &'static str, path: &Path) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError { what, path: path.to_owned(), source })
    }
}
