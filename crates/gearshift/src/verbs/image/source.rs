//! Where an image comes from.

use anyhow::{Result, bail};
use clap::Args;
use gearshift_image::{Opened, Platform, Reference, open_here};

use crate::verbs::Usage;

/// Which of an image's platforms is meant, and how its registry is reached.
#[derive(Args)]
pub struct Source {
    /// Of an image for several platforms, this one: os/architecture [default: this machine's]
    #[arg(long, value_name = "OS/ARCH", value_parser = platform)]
    platform: Option<Platform>,
}

fn platform(text: &str) -> Result<Platform, String> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["linux", architecture] if !architecture.is_empty() => Ok(Platform::linux(architecture)),
        _ => Err("give linux/amd64, linux/arm64 …".to_owned()),
    }
}

impl Source {
    /// Opens the image that `text` names.
    pub fn open(&self, text: &str) -> Result<(Reference, Opened)> {
        let reference = Reference::find(text).map_err(|error| Usage(error.to_string()))?;
        let platform = self.platform.clone().unwrap_or_else(Platform::here);
        let Some(opened) = open_here(&reference, &platform)? else {
            bail!(Usage(format!("{text} is in a registry")));
        };
        Ok((reference, opened))
    }
}
