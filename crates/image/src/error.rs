//! What can go wrong, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::registry::RegistryError;

/// Why an image was not built, read, saved, pushed or pulled. Each text ends in the next step.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("cannot {doing} {}: {why}", path.display())]
    Io {
        /// A verb, such as `read`.
        doing: &'static str,
        path: PathBuf,
        why: io::Error,
    },
    /// Content that is not what its digest says.
    #[error("{what} {digest} is damaged: {place} {found} → {next}")]
    Damaged {
        /// `layer`, `configuration`, `manifest` …
        what: &'static str,
        digest: Digest,
        /// The file, or the entry of a file.
        place: String,
        /// What is wrong, as the end of a sentence about `place`.
        found: String,
        next: &'static str,
    },
    #[error("{place} is no image: {why} → {next}")]
    NotAnImage { place: String, why: String, next: String },
    #[error("`{text}` names no image: {why} → {FORMS}")]
    BadReference { text: String, why: String },
    #[error("{what} → {next}")]
    BadRecipe { what: String, next: String },
    /// A program that the image cannot start, because what starts it is not in there.
    #[error(
        "{program} needs {interpreter}, which is not in the image ({base}) → build it static \
         (Rust: --target {triple}, or RUSTFLAGS='-C target-feature=+crt-static'; Go: CGO_ENABLED=0), \
         or give a base that has it: --base REF"
    )]
    NoInterpreter {
        program: String,
        interpreter: String,
        /// The base, in words.
        base: String,
        /// A target triple of the program's architecture that links statically.
        triple: String,
    },
    /// A file of this machine, where it is no regular file or too large.
    #[error(transparent)]
    Unread(#[from] gearshift_files::ReadError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Laws(#[from] gearshift_laws::LawsError),
}

const FORMS: &str =
    "oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE or REGISTRY/NAME[:TAG][@DIGEST]";

/// The error's cause, when a blob of a layout is not what it should be.
pub(crate) const REBUILD: &str = "build or pull the image again: that replaces the file";

/// Adds to an I/O error what was done to which file.
pub(crate) trait Explain<T> {
    fn explain(self, doing: &'static str, path: &Path) -> Result<T, ImageError>;
}

impl<T> Explain<T> for io::Result<T> {
    fn explain(self, doing: &'static str, path: &Path) -> Result<T, ImageError> {
        self.map_err(|why| ImageError::Io { doing, path: path.to_owned(), why })
    }
}

impl ImageError {
    pub(crate) fn recipe(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::BadRecipe { what: what.into(), next: next.into() }
    }

    pub(crate) fn no_image(
        place: impl std::fmt::Display,
        why: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::NotAnImage { place: place.to_string(), why: why.into(), next: next.into() }
    }
}
