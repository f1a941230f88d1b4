//! What a row runs, in the form that a target accepts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Program, Side};

/// What one side of a row runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artefact {
    /// Files of this machine that are started as processes of it.
    Executable(Box<Program>),
    /// An archive as a provider of functions takes it, with the SHA-256 of its bytes, hex.
    Zip { path: PathBuf, sha256: String },
    /// An image in a registry, such as `registry.example/hits` and `sha256:…`.
    Image { reference: String, digest: String },
}

/// The form of an [`Artefact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtefactKind {
    Executable,
    Zip,
    Image,
}

/// What each side of a row runs, whether the side stands yet or not.
pub type Artefacts = BTreeMap<Side, Artefact>;

impl Artefact {
    /// Files of this machine.
    pub fn executable(program: Program) -> Self {
        Self::Executable(Box::new(program))
    }

    /// Its form.
    pub fn kind(&self) -> ArtefactKind {
        match self {
            Self::Executable(_) => ArtefactKind::Executable,
            Self::Zip { .. } => ArtefactKind::Zip,
            Self::Image { .. } => ArtefactKind::Image,
        }
    }
}

impl ArtefactKind {
    /// Every form there is.
    pub const ALL: [Self; 3] = [Self::Executable, Self::Zip, Self::Image];
}

impl std::fmt::Display for ArtefactKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Executable => "an executable",
            Self::Zip => "a zip archive",
            Self::Image => "an image",
        })
    }
}
