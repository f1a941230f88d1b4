//! Images: build, look into, save, push.

mod build;
mod description;
mod push;
mod save;
mod show;
mod source;

pub use source::{cached, pull};

use anyhow::Result;
use clap::{Args, Subcommand};

use super::Ended;

/// Builds OCI images without Docker, looks into them, saves and pushes them.
///
/// An IMAGE or REF is oci:DIR[:TAG] (or just DIR), oci-archive:FILE, docker-archive:FILE (or just FILE),
/// or REGISTRY/NAME[:TAG][@DIGEST].
#[derive(Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Image {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Build(Box<build::Build>),
    Show(show::Show),
    Save(save::Save),
    Push(push::Push),
}

impl Image {
    pub fn run(self) -> Result<Ended> {
        match self.verb {
            Verb::Build(build) => build.run(),
            Verb::Show(show) => show.run(),
            Verb::Save(save) => save.run(),
            Verb::Push(push) => push.run(),
        }
    }
}
