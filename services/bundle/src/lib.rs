//! The built-in services as binaries inside Gearshift: built once by this crate's build script,
//! compressed, and written out where a target needs them.
//!
//! ```
//! let hits = gearshift_services::service("hits")?;
//! assert_eq!(hits.bytes().len() as u64, hits.size);
//! # Ok::<(), gearshift_services::UnknownService>(())
//! ```
//!
//! | name | what it is |
//! |---|---|
//! | `hits` | the sample service as an HTTP server on `$PORT` |
//! | `function-rust` | the same routes as an AWS Lambda custom runtime; deployed as `bootstrap` |
//! | `entry` | `gearshift-entry`, which runs any HTTP service where it is, on AWS Lambda too |
//!
//! The binaries are for the machine's own architecture and Linux. They are built in the profile
//! `service` from the sources in this workspace, into `<target directory>/services`, which debug and
//! release builds share.
//!
//! # The wrong counter
//! A third binary is not in here on purpose: `function-rust-lost-update`, which adds by reading and
//! writing back. It exists so that a counter test can be seen to fail. In the workspace's root:
//!
//! ```text
//! RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile service \
//!     --target x86_64-unknown-linux-gnu --target-dir target/services \
//!     -p function-rust --features lost-update --bin function-rust-lost-update
//! ```
//!
//! leaves it in `target/services/x86_64-unknown-linux-gnu/service/function-rust-lost-update`.

mod artefact;

pub use artefact::{Artefact, Linkage, UnknownService};

include!(concat!(env!("OUT_DIR"), "/artefacts.rs"));

/// The version of `lambda_runtime`, AWS's own runtime client, that `function-rust` is built with.
pub const LAMBDA_RUNTIME_VERSION: &str = env!("LAMBDA_RUNTIME_VERSION");

/// Every service in here, by name.
pub fn all() -> &'static [Artefact] {
    ARTEFACTS
}

/// The service of this name.
///
/// # Errors
/// [`UnknownService`] when there is none; its text lists those there are.
pub fn service(name: &str) -> Result<Artefact, UnknownService> {
    ARTEFACTS.iter().find(|artefact| artefact.name == name).copied().ok_or_else(|| UnknownService {
        name: name.to_owned(),
        known: ARTEFACTS.iter().map(|artefact| artefact.name).collect::<Vec<_>>().join(", "),
    })
}
