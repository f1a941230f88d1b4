//! Images as one file: a tar of an OCI layout, or what `docker save` writes and `docker load` reads.

mod read;
mod write;

pub(crate) use read::open;
pub use write::{Format, save};

/// What Docker's archive lists its images in.
const DOCKER_MANIFEST: &str = "manifest.json";

/// One image of Docker's archive.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    /// A path in the archive, as are the layers.
    config: String,
    /// Full names with tags; null in the wild where there are none.
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    /// Lowest first.
    layers: Vec<String>,
}
