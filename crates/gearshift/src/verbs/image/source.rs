//! Where an image comes from, and how its registry is reached.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use gearshift_image::{
    Credentials, Layout, Opened, Platform, Reference, Registry, RegistryOptions, RegistryReference,
    docker_folder, open_here,
};

use crate::verbs::{Usage, block_on};
use crate::{here, note};

/// Which of an image's platforms is meant, and how registries are reached.
#[derive(Args)]
pub struct Source {
    /// Of an image for several platforms, this one [default: this machine's]
    #[arg(long, value_name = "OS/ARCH", value_parser = platform)]
    platform: Option<Platform>,
    #[command(flatten)]
    pub access: Access,
}

/// How registries are reached.
#[derive(Args)]
pub struct Access {
    /// Speak to the registry without TLS
    #[arg(long)]
    plain_http: bool,
    /// An authority that vouches for the registry, beside this machine's own (PEM)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Who asks the registry [default: as `docker login` left it]
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

fn platform(text: &str) -> Result<Platform, String> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["linux", architecture] if !architecture.is_empty() => Ok(Platform::linux(architecture)),
        _ => Err("give linux/amd64, linux/arm64 …".to_owned()),
    }
}

impl Source {
    /// Opens the image that `text` names, pulling it where it is in a registry.
    pub fn open(&self, text: &str) -> Result<(Reference, Opened)> {
        let reference = Reference::find(text).map_err(|error| Usage(error.to_string()))?;
        let platform = self.platform.clone().unwrap_or_else(Platform::here);
        let opened = match &reference {
            Reference::Registry(image) => pull(&self.access.registry(image)?, image, &platform)?,
            here => open_here(here, &platform)?.context("what is here can be opened")?,
        };
        Ok((reference, opened))
    }
}

/// Pulls an image into the cache.
pub fn pull(registry: &Registry, image: &RegistryReference, platform: &Platform) -> Result<Opened> {
    note!("pulling {image}");
    let layout = cached()?;
    let pulled = block_on(async { Ok(registry.pull(image, platform, &layout).await?) })?;
    Ok(pulled.into())
}

/// Where pulled images are kept, tagged by their full names.
pub fn cached() -> Result<Layout> {
    Ok(Layout::create(&here::cache()?.join("images"))?)
}

impl Access {
    /// The registry of this image, as it was asked for.
    pub fn registry(&self, image: &RegistryReference) -> Result<Registry> {
        Ok(Registry::of(image, &self.options()?)?)
    }

    fn options(&self) -> Result<RegistryOptions> {
        let credentials = match &self.username {
            Some(username) => Some(Credentials::Password {
                username: username.clone(),
                password: password().context("reading the password from standard input")?,
            }),
            None => None,
        };
        Ok(RegistryOptions {
            plain_http: self.plain_http,
            authorities: self.ca.clone(),
            credentials,
            docker_folder: docker_folder(),
            ..RegistryOptions::default()
        })
    }
}

fn password() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!(Usage(
            "standard input has no password → pipe it: … | gearshift image push …".to_owned()
        ));
    }
    Ok(password.to_owned())
}
