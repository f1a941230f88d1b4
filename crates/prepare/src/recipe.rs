//! What every language's recipe says.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use gearshift_gear::{Missing, Program, RuntimeClient};
use serde::{Deserialize, Serialize};

use crate::PrepareError;
use crate::workshop::Workshop;

/// What has to be fetched and made, said beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// Such as `boto3 and awslambdaric`.
    pub what: String,
    /// From the registry.
    pub download_mb: f64,
    /// What lies in the cache afterwards.
    pub disk_mb: f64,
    /// What else takes its time, such as a compiler.
    pub besides: Option<String>,
    /// Why it has to be made again.
    pub again: Option<String>,
}

/// What a recipe found out while making an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) zip_bytes: u64,
    pub(crate) runtime: RuntimeClient,
}

/// What a recipe found on this machine; another result means another entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tools {
    /// The interpreter or compiler itself, not a script before it.
    pub(crate) program: PathBuf,
    pub(crate) version: String,
    /// What else makes one result another.
    pub(crate) besides: Vec<String>,
}

/// One language's way from sources to a build.
#[async_trait]
pub(crate) trait Recipe: Send + Sync {
    /// The build's name in the catalogue.
    fn build(&self) -> &'static str;

    /// Looks for what it needs on this machine.
    fn tools(&self) -> Result<Tools, Missing>;

    /// Debian's packages of what it would use and this machine lacks.
    fn lacking_packages(&self) -> Vec<&'static str>;

    /// The files it is made from: name and content.
    fn sources(&self) -> Vec<(&'static str, &'static [u8])>;

    fn fetch(&self) -> Fetch;

    /// Makes an entry in this directory, which is empty; it will be moved.
    async fn make(
        &self,
        entry: &Path,
        tools: &Tools,
        workshop: &Workshop<'_>,
    ) -> Result<Made, PrepareError>;

    /// How the entry at this place is run.
    fn program(&self, entry: &Path, tools: &Tools, made: Made) -> Program;
}
