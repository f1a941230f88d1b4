//! Unpacking a function's code: what Lambda would take of it, inside its own folder, without rights.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use zip::read::ZipFile;

/// The most a function's code may have unpacked, bytes (source: AWS Lambda developer guide, "Lambda
/// quotas": 250 MB, of 2^20 bytes).
const LARGEST: u64 = 250 << 20;
/// As long as Linux lets a link's target be, bytes (PATH_MAX, linux/limits.h).
const LONGEST_TARGET: u64 = 4096;
/// The kinds of file in `st_mode` (inode(7)).
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// Replaces what lies at `place` by what is in the archive. The folder that `place` is in must be this
/// user's alone.
///
/// # Errors
/// In words, naming the entry: where one would lie outside of `place`, comes twice, is neither file, folder
/// nor link to something inside, or all together have more than 250 MB.
pub(crate) fn unpack(archive: &Path, place: &Path) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let file = gearshift_files::open(archive).map_err(|error| error.to_string())?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| error.to_string())?;
    super::function::remove(place).map_err(words)?;
    fs::create_dir(place).map_err(words)?;
    let unpacked = lay(&mut archive, place);
    if unpacked.is_err() {
        // What is wrong with the archive is what the user has to hear.
        let _ = super::function::remove(place);
    }
    unpacked
}

fn lay(archive: &mut zip::ZipArchive<fs::File>, place: &Path) -> Result<(), String> {
    let mut left = LARGEST;
    // Made when everything else lies there, so that nothing is written through one.
    let mut links = BTreeMap::new();
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(|error| error.to_string())?;
        let name = entry.name().to_owned();
        let failed = |why: &dyn std::fmt::Display| format!("{name:?}: {why}");
        let inside = inside(&name).ok_or_else(|| failed(&"it leads out of the archive"))?;
        let at = place.join(&inside);
        let mode = entry.unix_mode().unwrap_or(REGULAR | 0o644);
        if entry.is_dir() {
            fs::create_dir_all(&at).map_err(|error| failed(&error))?;
        } else if entry.is_symlink() {
            let target = target(&mut entry, &inside).map_err(|error| failed(&error))?;
            if links.insert(at, (target, name.clone())).is_some() {
                return Err(failed(&"it comes twice"));
            }
        } else if ![0, REGULAR].contains(&(mode & KIND)) {
            return Err(failed(&"it is neither a file, a folder nor a link"));
        } else {
            left -= copy(&mut entry, &at, mode, left).map_err(|error| failed(&error))?;
        }
    }
    for (at, (target, name)) in links {
        let above = at.parent().unwrap_or(place);
        let made = fs::create_dir_all(above).and_then(|()| symlink(target, &at));
        made.map_err(|error| format!("{name:?}: {}", twice(error)))?;
    }
    Ok(())
}

/// A name of the archive as a path below its folder; none where it leads out.
fn inside(name: &str) -> Option<PathBuf> {
    let parts = name.split('/').filter(|part| !["", "."].contains(part));
    let plain = |part: &str| part != ".." && !part.contains(['\\', '\0']);
    let all_plain = !name.starts_with('/') && parts.clone().all(plain);
    let path: PathBuf = parts.collect();
    (all_plain && !path.as_os_str().is_empty()).then_some(path)
}

/// Where a link at this path leads, if it stays inside: up at its beginning only, and no further than to
/// the archive's own folder. Past another link `..` would mean something else than it reads.
fn target(entry: &mut ZipFile<'_, fs::File>, at: &Path) -> io::Result<String> {
    let mut target = String::new();
    entry.take(LONGEST_TARGET).read_to_string(&mut target)?;
    let parts = target.split('/').filter(|part| !["", "."].contains(part));
    let up = parts.clone().take_while(|part| *part == "..").count();
    let deep = at.iter().count() - 1;
    let goes_up_later = parts.skip(up).any(|part| part == "..");
    if target.starts_with('/') || target.contains('\0') || up > deep || goes_up_later {
        return Err(io::Error::other(format!("it links to {target:?}, out of the archive")));
    }
    Ok(target)
}

/// Writes one file of `left` bytes at most; how many it has.
fn copy(entry: &mut ZipFile<'_, fs::File>, at: &Path, mode: u32, left: u64) -> io::Result<u64> {
    fs::create_dir_all(at.parent().unwrap_or(at))?;
    // Its owner reads and writes it whatever its rights are; nobody becomes somebody else by it.
    let mode = mode & 0o777 | 0o600;
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(at);
    let mut file = file.map_err(twice)?;
    let copied = io::copy(&mut entry.take(left + 1), &mut file)?;
    if copied > left {
        return Err(io::Error::other(
            "the code has more than 250 MB unpacked, which Lambda refuses",
        ));
    }
    Ok(copied)
}

fn twice(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::other("it comes twice"),
        _ => error,
    }
}
