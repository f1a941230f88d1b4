//! Collecting files of this machine for a layer.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::{Explain, ImageError};
use crate::layer::{Content, DIRECTORY_MODE, Entries, Entry};
use crate::tree::{WHITEOUT, clean};

/// Where Gearshift keeps images and runs in a folder: never part of what is added.
const OWN_FOLDER: &str = ".gearshift";

/// A file or directory of this machine that goes into the image, as a layer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// A directory brings what is in it. Only here a symbolic link is followed; below, links stay.
    pub source: PathBuf,
    /// An absolute path in the image; with a slash at its end, the directory a file goes into.
    pub destination: String,
    /// Permission bits of its files. By default 0755 for what its owner may execute here, else
    /// 0644. Directories have 0755.
    pub mode: Option<u32>,
}

pub(crate) fn collect(addition: &Addition) -> Result<Entries, ImageError> {
    let source = &addition.source;
    let metadata = fs::metadata(source).explain("read", source)?;
    let destination = destination(addition, &metadata)?;
    check_name(&destination, source)?;
    let mut entries = Entries::new();
    if metadata.is_file() {
        let mode = mode(addition, &metadata);
        entries.insert(destination, Entry { content: Content::File(source.clone()), mode });
        return Ok(entries);
    }
    let root = fs::canonicalize(source).explain("read", source)?;
    let walk = WalkDir::new(&root).min_depth(1).into_iter();
    for found in walk.filter_entry(|found| found.file_name() != OWN_FOLDER) {
        let found = found.map_err(|error| ImageError::Io {
            doing: "read",
            path: error.path().unwrap_or(&root).to_owned(),
            why: error.into(),
        })?;
        let relative = found.path().strip_prefix(&root).expect("the walk stays below its root");
        let path = clean(&format!("{destination}/{}", text(relative)?));
        check_name(&path, found.path())?;
        entries.insert(path, entry(addition, found.path())?);
    }
    Ok(entries)
}

fn entry(addition: &Addition, path: &Path) -> Result<Entry, ImageError> {
    let metadata = fs::symlink_metadata(path).explain("read", path)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Ok(Entry { content: Content::Directory, mode: DIRECTORY_MODE });
    }
    if kind.is_symlink() {
        let target = fs::read_link(path).explain("read", path)?;
        return Ok(Entry { content: Content::Symlink(text(&target)?), mode: 0o777 });
    }
    if !kind.is_file() {
        return Err(ImageError::recipe(
            format!("{} is neither file, directory nor symbolic link", path.display()),
            "leave it out: an image holds nothing else",
        ));
    }
    let mode = mode(addition, &metadata);
    Ok(Entry { content: Content::File(path.to_owned()), mode })
}

fn mode(addition: &Addition, metadata: &Metadata) -> u32 {
    let executable = metadata.permissions().mode() & 0o100 != 0;
    addition.mode.unwrap_or(if executable { 0o755 } else { 0o644 })
}

fn destination(addition: &Addition, metadata: &Metadata) -> Result<String, ImageError> {
    let wanted = &addition.destination;
    let bad = |why: &str| {
        ImageError::recipe(
            format!("{} cannot go to `{wanted}`: {why}", addition.source.display()),
            "give an absolute path in the image, such as /app/",
        )
    };
    if !wanted.starts_with('/') {
        return Err(bad("it does not begin with a slash"));
    }
    if wanted.split('/').any(|part| part == "..") {
        return Err(bad("it has .. in it"));
    }
    let inside = wanted.ends_with('/') && metadata.is_file();
    let name = if inside { addition.source.file_name() } else { None };
    let destination = match name {
        Some(name) => clean(&format!("{wanted}/{}", text(Path::new(name))?)),
        None => clean(wanted),
    };
    if destination.is_empty() && metadata.is_file() {
        return Err(bad("that is the root directory"));
    }
    Ok(destination)
}

/// Refuses a path in the image by which a layer means something else: that a file below it is gone.
fn check_name(path: &str, source: &Path) -> Result<(), ImageError> {
    if !path.split('/').any(|name| name.starts_with(WHITEOUT)) {
        return Ok(());
    }
    Err(ImageError::recipe(
        format!(
            "{} cannot be in an image as /{path}: layers mark by `.wh.` what they take away",
            source.display()
        ),
        "rename it, or leave it out",
    ))
}

fn text(path: &Path) -> Result<String, ImageError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        ImageError::recipe(
            format!("the name {} is not UTF-8", path.display()),
            "rename it: not every runtime unpacks such a name",
        )
    })
}
