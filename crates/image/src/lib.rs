//! OCI images without Docker: built from a static program or from files on a base, the same bytes
//! every time.
//!
//! A [`Recipe`] and perhaps a base [`Image`] become an [`Image`] in a [`Layout`] by [`build`].
//! Invariants: the same recipe over the same files gives the same digest on any day and machine;
//! content is checked against its digest whenever it is read; a build that fails leaves nothing; what
//! the image would fail to start with is refused when it is built.

mod archive;
mod build;
mod config;
mod contents;
mod digest;
mod elf;
mod error;
mod files;
mod gzip;
mod image;
mod layer;
mod layout;
mod program;
mod recipe;
mod reference;
mod referrers;
mod registry;
mod sbom;
mod source;
mod spec;
mod tarball;
mod tree;
mod unpack;

pub use archive::{Format, save};
pub use build::build;
pub use contents::{LayerContents, PullCosts, PullTime};
pub use digest::{BadDigest, Digest};
pub use error::ImageError;
pub use files::Addition;
pub use image::Image;
pub use layout::Layout;
pub use recipe::{ADAPTER_PATH, Crate, DEFAULT_PORT, NONROOT, PROGRAM_DIRECTORY, Recipe, created};
pub use reference::{Reference, RegistryReference};
pub use referrers::Artifact;
pub use registry::{
    Credentials, Patience, Pushed, Registry, RegistryError, RegistryOptions, Sent, docker_folder,
};
pub use sbom::SBOM;
pub use source::{Opened, open_here};
pub use spec::{
    Annotations, Config, Descriptor, Healthcheck, History, Manifest, Platform, RootFs, Run,
};
pub use unpack::inside;
