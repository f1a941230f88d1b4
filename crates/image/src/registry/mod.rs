//! Registries: the distribution specification 1.1, as far as pushing and pulling go.
//!
//! What was sent is never sent twice where the registry still has it; an answer that says *later* is
//! waited for as long as it asks; content is checked against its digest before it counts.

mod access;
mod authorize;
mod challenge;
mod credentials;
mod error;
mod http;
mod pull;
mod push;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

pub use credentials::{Credentials, docker_folder};
pub use error::RegistryError;
pub use push::{Pushed, Sent};

use crate::reference::RegistryReference;
use access::Access;

/// How a registry is reached.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// Without TLS.
    pub plain_http: bool,
    /// A file of authorities to trust beside this machine's own.
    pub authorities: Option<PathBuf>,
    /// None: what Docker's configuration in [`RegistryOptions::docker_folder`] says.
    pub credentials: Option<Credentials>,
    /// A folder with a `config.json`; see [`docker_folder`].
    pub docker_folder: Option<PathBuf>,
    pub patience: Patience,
}

/// How long a registry that fails is borne with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often one thing is tried in a row without getting any further.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub first_wait: Duration,
    /// The longest wait; a registry that asks for more is given up.
    pub longest_wait: Duration,
    /// How long nothing may come.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            silence: Duration::from_secs(30),
        }
    }
}

/// One registry, and who asks it.
#[derive(Debug)]
pub struct Registry {
    access: Access,
}

impl Registry {
    /// The registry that this image is in.
    ///
    /// # Errors
    /// [`RegistryError::Credentials`] and [`RegistryError::Authorities`]; the registry is not asked yet.
    pub fn of(image: &RegistryReference, options: &RegistryOptions) -> Result<Self, RegistryError> {
        Ok(Self { access: Access::new(&image.registry, options)? })
    }
}
