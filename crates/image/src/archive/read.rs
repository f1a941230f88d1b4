//! Opening an image that is one file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{DOCKER_MANIFEST, DockerImage};
use crate::digest::{Digest, Hashing};
use crate::error::{Explain, ImageError};
use crate::gzip::{GzipWriter, unpacked};
use crate::image::Image;
use crate::layout::{BLOBS, INDEX_FILE, LARGEST_DOCUMENT, Layout, VERSION_FILE, parse};
use crate::spec::{CONFIG, Config, LAYER_GZIP, MANIFEST, Manifest, Platform, bytes_of};
use crate::tarball;

/// Unpacks an archive of either form into a layout at `into`.
pub(crate) fn open(file: &Path, into: &TempDir, platform: &Platform) -> Result<Image, ImageError> {
    let paths = unpack(file, into.path())?;
    if paths.contains_key(VERSION_FILE) {
        return Image::open(&Layout::open(&into.path().join("files"))?, None, platform);
    }
    let Some(list) = paths.get(DOCKER_MANIFEST) else {
        let why = format!("it has neither {VERSION_FILE} nor {DOCKER_MANIFEST}");
        let next = "give a file of `docker save`, or a tar of an OCI layout";
        return Err(ImageError::no_image(file.display(), why, next));
    };
    let bytes = gearshift_files::read(list, LARGEST_DOCUMENT)?;
    let images: Vec<DockerImage> = parse(&bytes, DOCKER_MANIFEST, file.display())?;
    let [image] = images.as_slice() else {
        let why = format!("it holds {} images", images.len());
        return Err(ImageError::no_image(file.display(), why, "save one image alone"));
    };
    from_docker(image, &paths, file, &Layout::create(&into.path().join("layout"))?)
}

/// Takes out the files that an image is made of, and nothing else, under names of our own.
fn unpack(file: &Path, into: &Path) -> Result<BTreeMap<String, PathBuf>, ImageError> {
    let opened = gearshift_files::open(file)?;
    let blobs = into.join("files").join(BLOBS);
    fs::create_dir_all(&blobs).explain("create", &blobs)?;
    let mut paths = BTreeMap::new();
    let mut links = Vec::new();
    let unpack = || {
        let mut number = 0;
        tarball::each(unpacked(BufReader::new(opened))?, |entry| {
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = crate::tree::clean(&path);
            if let Some(target) = entry.link_name_bytes() {
                links.push((path, String::from_utf8_lossy(&target).into_owned()));
                return Ok(());
            }
            if !entry.header().entry_type().is_file() {
                return Ok(());
            }
            let hex = path.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/'));
            let place = match hex.map(|hex| format!("sha256:{hex}")) {
                Some(digest) if digest.parse::<Digest>().is_ok() => into.join("files").join(&path),
                _ if [VERSION_FILE, INDEX_FILE].contains(&path.as_str()) => {
                    into.join("files").join(&path)
                }
                _ => into.join(format!("{number}")),
            };
            number += 1;
            io::copy(entry, &mut File::create(&place)?)?;
            paths.insert(path, place);
            Ok(())
        })
    };
    unpack().explain("unpack", file)?;
    for (path, target) in links {
        let (directory, _) = path.rsplit_once('/').unwrap_or_default();
        let beside = crate::tree::clean(&format!("{directory}/{target}"));
        // Docker links a layer that comes twice; a hard link's target counts from the root.
        let place = paths.get(&beside).or_else(|| paths.get(&crate::tree::clean(&target))).cloned();
        paths.extend(place.map(|place| (path, place)));
    }
    Ok(paths)
}

fn from_docker(
    image: &DockerImage,
    paths: &BTreeMap<String, PathBuf>,
    file: &Path,
    layout: &Layout,
) -> Result<Image, ImageError> {
    let find = |path: &str| {
        paths.get(&crate::tree::clean(path)).ok_or_else(|| {
            let why = format!("its {DOCKER_MANIFEST} names {path}, which is not in it");
            ImageError::no_image(file.display(), why, "save the image again")
        })
    };
    let config = gearshift_files::read(find(&image.config)?, LARGEST_DOCUMENT)?;
    let read: Config = parse(&config, "configuration", file.display())?;
    let (layers, diff_ids) = (image.layers.len(), &read.rootfs.diff_ids);
    if layers != diff_ids.len() {
        let why = format!("it has {layers} layers, but its configuration names {}", diff_ids.len());
        return Err(ImageError::no_image(file.display(), why, "save the image again"));
    }
    let mut blobs = Vec::new();
    for (path, diff_id) in image.layers.iter().zip(diff_ids) {
        let mut staged = layout.stage()?;
        let at = staged.path().to_owned();
        let opened = File::open(find(path)?).explain("read", file)?;
        let compress = || {
            let mut layer = Hashing::new(unpacked(BufReader::new(opened))?);
            let mut gzip = GzipWriter::new(&mut staged)?;
            io::copy(&mut layer, &mut gzip)?;
            gzip.finish()?;
            Ok(layer.digest())
        };
        let found = compress().explain("unpack", &at)?;
        if found != *diff_id {
            return Err(ImageError::Damaged {
                what: "layer",
                digest: diff_id.clone(),
                place: format!("{path} in {}", file.display()),
                found: format!("has other content, of digest {found}"),
                next: "save the image again",
            });
        }
        blobs.push(staged.commit(LAYER_GZIP)?);
    }
    let manifest = Manifest::of_image(layout.write(CONFIG, &config)?, blobs);
    let descriptor = layout.write(MANIFEST, &bytes_of(&manifest))?;
    Ok(Image { layout: layout.clone(), descriptor, manifest, config: read })
}
