use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use gearshift_image::{Format, Image, Reference, save};

use super::build::DEFAULT_TAG;
use super::description::size;
use super::source::Source;
use crate::say;
use crate::verbs::Ended;

/// Save an image as one file, for `docker load`, `ctr image import`, `skopeo` and others
#[derive(Args)]
pub struct Save {
    /// The image
    image: String,
    #[command(flatten)]
    source: Source,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What the file looks like
    #[arg(long, value_enum, default_value_t = As::Oci)]
    format: As,
    /// What the reader shall call the image [default: what it was built as]
    #[arg(short = 't', long, value_name = "NAME[:TAG]")]
    name: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum As {
    /// A tar of an OCI layout, with the bill of materials
    Oci,
    /// As `docker save` writes it
    DockerArchive,
}

impl Save {
    pub fn run(self) -> Result<Ended> {
        let (reference, opened) = self.source.open(&self.image)?;
        let image = &opened.image;
        let name = match &self.name {
            Some(name) => super::build::named(name)?.to_string(),
            None => called(&reference, image)?,
        };
        let format = match self.format {
            As::Oci => Format::Oci,
            As::DockerArchive => Format::DockerArchive,
        };
        save(image, &name, format, &self.output)?;
        let written = std::fs::metadata(&self.output).context("reading the file's size")?.len();
        say!(
            "{name} · {} · {} in {}",
            image.descriptor.digest,
            size(written),
            self.output.display()
        );
        Ok(Ended::Well)
    }
}

/// The image's name, where nobody gives one.
fn called(reference: &Reference, image: &Image) -> Result<String> {
    let own = image.full_name()?;
    Ok(own.unwrap_or_else(|| match reference {
        Reference::Registry(reference) => reference.to_string(),
        _ => format!("localhost/image:{DEFAULT_TAG}"),
    }))
}
