//! A described service that comes as an image: its files are unpacked beside the description, and its
//! processes see nothing else.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gearshift_files::PrivateDir;
use gearshift_gear::{InImage, Program};
use gearshift_image::{
    Image, Opened, Platform, Reference, Registry, RegistryOptions, docker_folder, inside, open_here,
};
use gearshift_manifest::{Manifest, Service};
use gearshift_services::service;
use nix::unistd::Uid;

use crate::verbs::image::{cached, pull};

/// Below the description's folder, by the image's digest; this user's alone.
const UNPACKED: [&str; 2] = [".gearshift", "image"];
/// Where a container's machine shows itself; an image from scratch has none of them.
const OF_THE_MACHINE: [&str; 3] = ["proc", "dev", "sys"];
/// What programs expect beside them.
const DIRECTORIES: [&str; 2] = ["etc", "tmp"];
const FILES: [&str; 2] = ["hosts", "resolv.conf"];
/// Where the adapter lies among the image's files; what an image has there itself is left out.
const ADAPTER: &str = ".gearshift";
/// Lists of users and groups, bytes: far beyond any image's (assumed).
const LARGEST_LIST: u64 = 4 << 20;
/// What a row decides, whatever an image says.
const OF_THE_ROW: [&str; 3] = ["PORT", "HOST", "BIND"];

/// The service's program, with its image unpacked; an image of a registry is pulled, or offline taken as
/// it was pulled last.
pub fn program(own: &Manifest, service: &Service, named: &str, offline: bool) -> Result<Program> {
    let opened = open(&own.folder, named, offline)?;
    let image = &opened.image;
    let root = unpacked(&own.folder, image)?;
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
        told_in: None,
        stores: None,
        runtime: None,
    })
}

/// Where the image's files lie, with the places at which a container finds what is its machine's. Which ids
/// own the files depends on who unpacks, so each has files of its own.
fn unpacked(folder: &Path, image: &Image) -> Result<PathBuf> {
    let first_id = gearshift_sandbox::first_id();
    let whose = if first_id == 0 { Uid::effective().as_raw() } else { first_id };
    // Nobody else reaches what an image brings, such as a program of root's.
    let all = PrivateDir::below(&std::path::absolute(folder)?, &UNPACKED)?;
    let place = all.dir(&format!("{}-{whose}", image.descriptor.digest.hex()))?;
    let root = place.path().join("root");
    if !root.exists() {
        image.unpack_shifted(&root, first_id)?;
        remove(&root.join(ADAPTER))?;
    }
    for directory in OF_THE_MACHINE.map(|name| root.join(name)) {
        // A link would lead a mount elsewhere.
        if !fs::symlink_metadata(&directory).is_ok_and(|found| found.is_dir()) {
            remove(&directory)?;
            fs::create_dir(&directory)?;
        }
    }
    for directory in DIRECTORIES.map(|name| inside(&root, name)) {
        let directory = directory?;
        if !directory.exists() {
            fs::create_dir_all(&directory)?;
            if first_id != 0 {
                chown(&directory, Some(first_id), Some(first_id))?;
            }
        }
    }
    for file in FILES {
        let file = inside(&root, "etc")?.join(file);
        if !fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
            remove(&file)?;
            File::create_new(&file)?;
        }
    }
    Ok(root)
}

/// Removes whatever is there, but nothing that it leads to.
fn remove(place: &Path) -> std::io::Result<()> {
    let removed = match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Puts the adapter among the image's files; where it lies, as the image sees it.
pub fn adapter(image: &InImage) -> Result<PathBuf> {
    let directory = image.root.join(ADAPTER);
    let placed = service("entry")?.place_in(&directory)?;
    // The image's user executes it.
    for path in [Some(directory.as_path()), placed.parent(), Some(&placed)].into_iter().flatten() {
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
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
        let text = inside(root, file).map(|file| gearshift_files::read_text(&file, LARGEST_LIST));
        let text = text.ok().and_then(Result::ok).unwrap_or_default();
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
