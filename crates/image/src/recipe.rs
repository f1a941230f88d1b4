//! What goes into an image.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::error::ImageError;
use crate::files::Addition;

/// Where an image has its program: below this directory, under the program's own name.
pub const PROGRAM_DIRECTORY: &str = "/app";

/// Where an image has Gearshift's adapter.
pub const ADAPTER_PATH: &str = "/gearshift-entry";

/// What an image is made of. Two builds of one recipe from the same files give the same digest.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Goes to [`PROGRAM_DIRECTORY`], as a layer of its own, and is what the image starts.
    pub program: Option<PathBuf>,
    /// One layer each, below the program's.
    pub additions: Vec<Addition>,
    /// The adapter's binary; goes to [`ADAPTER_PATH`]. Its contract: `gearshift-entry health PATH`
    /// exits with 0 when `http://127.0.0.1:$PORT/PATH` answers 2xx or 3xx.
    pub adapter: Option<PathBuf>,
    /// A file of certificate authorities that programs in the image shall trust.
    pub authorities: Option<PathBuf>,
    /// The program's arguments; where there is no program, the whole command. Empty: the base's.
    pub command: Vec<String>,
    /// On top of the base's.
    pub environment: BTreeMap<String, String>,
    /// By default the base's, else `/`.
    pub workdir: Option<String>,
    /// `UID[:GID]`, or names that the base knows.
    pub user: String,
    /// What the service listens on: set as `PORT`.
    pub port: u16,
    /// A path that answers 2xx or 3xx when the service is well. Wants the adapter.
    pub health: Option<String>,
    /// Crates that are in the programs and that these do not tell themselves; for the bill of
    /// materials.
    pub crates: Vec<Crate>,
    pub labels: BTreeMap<String, String>,
    /// The time of the image and of every file in it.
    pub created: Timestamp,
    /// How the base is called in a registry; kept as an annotation, so that a push to the same
    /// registry finds the base's layers there.
    pub base_name: Option<String>,
}

/// A package of Rust's registry, or of the program's own workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    pub name: String,
    pub version: String,
}

/// Neither root nor anybody's: the id that distroless images use for `nonroot`.
pub const NONROOT: &str = "65532:65532";

/// What Gearshift's images listen on unless told otherwise.
pub const DEFAULT_PORT: u16 = 8080;

impl Default for Recipe {
    fn default() -> Self {
        Self {
            program: None,
            additions: Vec::new(),
            adapter: None,
            authorities: None,
            command: Vec::new(),
            environment: BTreeMap::new(),
            workdir: None,
            user: NONROOT.to_owned(),
            port: DEFAULT_PORT,
            health: None,
            crates: Vec::new(),
            labels: BTreeMap::new(),
            created: Timestamp::UNIX_EPOCH,
            base_name: None,
        }
    }
}

/// The time of an image, by the convention of reproducible-builds.org: `SOURCE_DATE_EPOCH` in
/// seconds where that is set, else 1970-01-01, so that tomorrow's build equals today's.
pub fn created(source_date_epoch: Option<&str>) -> Result<Timestamp, ImageError> {
    let Some(text) = source_date_epoch else { return Ok(Timestamp::UNIX_EPOCH) };
    let seconds = text.parse().ok().filter(|seconds: &i64| *seconds >= 0);
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or_else(|| {
        ImageError::recipe(
            format!("SOURCE_DATE_EPOCH={text:?} is no time"),
            "set seconds since 1970, such as $(git log -1 --format=%ct), or nothing",
        )
    })
}
