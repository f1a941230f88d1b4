//! A described service that comes as an image: its files are unpacked beside the description, and its
//! processes see nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gearshift_files::PrivateDir;
use gearshift_gear::{InImage, Program};
use gearshift_image::{
    Image, Opened, Platform, Reference, Registry, RegistryOptions, docker_folder, open_here,
};
use gearshift_manifest::{Manifest, Service};
use gearshift_services::service;

use crate::verbs::image::{cached, pull};

/// Below the description's folder, by the image's digest; this user's alone.
const UNPACKED: [&str; 2] = [".gearshift", "image"];
/// Where a container's machine shows itself; an image from scratch has none of them.
const DIRECTORIES: [&str; 5] = ["proc", "dev", "sys", "etc", "tmp"];
const FILES: [&str; 2] = ["etc/hosts", "etc/resolv.conf"];
/// What a row decides, whatever an image says.
const OF_THE_ROW: [&str; 3] = ["PORT", "HOST", "BIND"];

/// The service's program, with its image unpacked; an image of a registry is pulled, or offline taken as
/// it was pulled last.
pub fn program(own: &Manifest, service: &Service, named: &str, offline: bool) -> Result<Program> {
    let opened = open(&own.folder, named, offline)?;
    let image = &opened.image;
    let unpacked = PrivateDir::below(&std::path::absolute(&own.folder)?, &UNPACKED)?;
    let place = unpacked.dir(image.descriptor.digest.short())?;
    let place = place.path();
    let root = place.join("root");
    if !root.exists() {
        image.unpack(&root)?;
    }
    DIRECTORIES.iter().try_for_each(|name| fs::create_dir_all(root.join(name)))?;
    for file in
        FILES.iter().map(|name| root.join(name)).filter(|file| fs::symlink_metadata(file).is_err())
    {
        fs::write(file, "")?;
    }
    let run = &image.config.config;
    let command = match &service.command {
        Some(command) => command.words(),
        None => run.entrypoint.iter().chain(&run.cmd).flatten().cloned().collect(),
    };
    if command.is_empty() {
        bail!("it says nothing to start → service.command");
    }
    let workdir = if run.working_dir.is_empty() { "/" } else { &run.working_dir };
    let user = user(&root, &run.user)?;
    Ok(Program {
        command: command.iter().map(PathBuf::from).collect(),
        root: root.clone(),
        handler: "bootstrap".to_owned(),
        variables: variables(own, service, image),
        zip_bytes: image.compressed_size(),
        page: None,
        packages: None,
        image: Some(Box::new(InImage { root, workdir: workdir.to_owned(), user })),
        health: Some(service.health.to_string()),
        stores: None,
        runtime: None,
    })
}

/// Puts the adapter among the image's files; where it lies, as the image sees it.
pub fn adapter(image: &InImage) -> Result<PathBuf> {
    let placed = service("entry")?.place_in(&image.root.join(".gearshift"))?;
    Ok(Path::new("/").join(placed.strip_prefix(&image.root)?))
}

fn open(folder: &Path, named: &str, offline: bool) -> Result<Opened> {
    let beside = folder.join(named);
    let text = if beside.exists() { beside.display().to_string() } else { named.to_owned() };
    let platform = Platform::here();
    let here = match Reference::find(&text)? {
        Reference::Layout { root, tag } => Reference::Layout { root: folder.join(root), tag },
        Reference::Archive(file) => Reference::Archive(folder.join(file)),
        Reference::Registry(image) if offline => {
            let kept = Image::open(&cached()?, Some(&image.to_string()), &platform);
            return kept.map(Opened::from).ok().context(
                "it was not pulled yet, and --offline fetches nothing → leave --offline out once",
            );
        }
        Reference::Registry(image) => {
            let options =
                RegistryOptions { docker_folder: docker_folder(), ..RegistryOptions::default() };
            return pull(&Registry::of(&image, &options)?, &image, &platform);
        }
    };
    open_here(&here, &platform)?.context("what is here can be opened")
}

/// The image's variables, then those of the description.
fn variables(own: &Manifest, service: &Service, image: &Image) -> Vec<(String, String)> {
    let of_image = image.config.config.env.iter().flatten();
    let of_image = of_image.filter_map(|variable| variable.split_once('='));
    let of_image = of_image.filter(|(name, _)| !OF_THE_ROW.contains(name));
    let of_image = of_image.map(|(name, value)| (name.to_owned(), value.to_owned()));
    of_image.chain(own.given(service)).collect()
}

/// `UID[:GID]`, or names that the image knows.
fn user(root: &Path, text: &str) -> Result<(u32, u32)> {
    let (user, group) =
        text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let known = |file: &str, name: &str, number: usize| {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        let lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let mut fitting =
            lines.filter(|line| line.first() == Some(&name) || line.get(2) == Some(&name));
        fitting.find_map(|line| line.get(number)?.parse::<u32>().ok())
    };
    let user = if user.is_empty() { "0" } else { user };
    let number = user.parse().ok().or_else(|| known("etc/passwd", user, 2));
    let number = number.with_context(|| format!("it has no user `{user}`"))?;
    let own = || Some(known("etc/passwd", user, 3).unwrap_or(0));
    let group = match group {
        None => own(),
        Some(group) => group.parse().ok().or_else(|| known("etc/group", group, 2)),
    };
    Ok((number, group.with_context(|| format!("it has no such group: {text}"))?))
}
