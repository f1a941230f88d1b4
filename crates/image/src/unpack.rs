//! An image's files as a directory, for whoever runs it without an engine.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use tar::EntryType;

use crate::error::{Explain, ImageError};
use crate::image::{Image, read_whole};
use crate::tarball;
use crate::tree::{OPAQUE, WHITEOUT, clean};

impl Image {
    /// Lays the image's files into `into`, whole or not at all; where it is there already, it stays. Owners
    /// are kept where this is root. Left out is what could give rights on this machine: set-user-id and
    /// set-group-id bits, devices and pipes (a container gets its machine's), extended attributes. The
    /// directory that `into` lies in is this user's alone (0700) where it is made here.
    ///
    /// # Errors
    /// [`ImageError::Damaged`] for a layer that is not what its digests say, [`ImageError::Io`] for
    /// what cannot be written and for what no image has: more than 20 GiB, names beyond 4,096 bytes.
    pub fn unpack(&self, into: &Path) -> Result<(), ImageError> {
        self.unpack_shifted(into, 0)
    }

    /// As [`Image::unpack`]; as root, with the image's owners counted from this id of the machine, on which
    /// its root is `first_id` and so nobody of this machine. Ids beyond 65,534 become the 65,535th.
    ///
    /// # Errors
    /// Those of [`Image::unpack`].
    pub fn unpack_shifted(&self, into: &Path, first_id: u32) -> Result<(), ImageError> {
        let above = into.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(above).explain("create", above)?;
        let staging = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(above);
        let staging = staging.explain("write into", above)?;
        let root = staging.path().join("root");
        fs::create_dir(&root).explain("create", &root)?;
        for number in 0..self.manifest.layers.len() {
            read_whole(&self.layout, &self.written(number), |tar| lay(tar, &root, first_id))?;
        }
        let top = Owner::of_image(0, 0, first_id);
        top.take(&root).explain("give away", &root)?;
        match fs::rename(&root, into) {
            // Somebody else unpacked the same image meanwhile.
            Err(_) if into.is_dir() => Ok(()),
            renamed => renamed.explain("create", into),
        }
    }
}

/// As many symbolic links as Linux follows in one path.
const MOST_LINKS: usize = 40;

/// Lays one unpacked layer on what is there.
fn lay(layer: impl Read, root: &Path, first_id: u32) -> io::Result<()> {
    // What this layer itself brings stays when it hides what lies below.
    let mut own = BTreeSet::new();
    tarball::each(layer, |entry| {
        let path = clean(&String::from_utf8_lossy(&entry.path_bytes()));
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == OPAQUE {
            hide_all(root, parent, &own)?;
        } else if let Some(gone) = name.strip_prefix(WHITEOUT) {
            if ["", ".", ".."].contains(&gone) {
                return Err(io::Error::other(format!("/{path} takes nothing away")));
            }
            remove(&inside(root, parent)?.join(gone))?;
        } else if !name.is_empty() {
            put(entry, root, &inside(root, parent)?.join(name), first_id)?;
            own.insert(path);
        }
        Ok(())
    })
}

/// One entry at its place, whose directory has no symbolic link in it any more.
fn put(
    entry: &mut tar::Entry<'_, impl Read>,
    root: &Path,
    place: &Path,
    first_id: u32,
) -> io::Result<()> {
    let kind = entry.header().entry_type();
    if let Some(directory) = place.parent() {
        make_directories(directory, first_id)?;
    }
    make_way(place, kind)?;
    let mode = entry.header().mode()?;
    let owner = Owner::of(entry, first_id)?;
    match kind {
        // Whoever unpacks writes into it, whatever its rights are.
        EntryType::Directory => {
            make_directories(place, first_id)?;
            fs::set_permissions(place, Permissions::from_mode(mode & 0o1777 | 0o700))?;
        }
        EntryType::Symlink => symlink(link(entry)?, place)?,
        EntryType::Link => {
            let target = clean(&link(entry)?);
            let (parent, name) = target.rsplit_once('/').unwrap_or(("", &target));
            return fs::hard_link(inside(root, parent)?.join(name), place);
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            io::copy(entry, &mut File::create_new(place)?)?;
            fs::set_permissions(place, Permissions::from_mode(mode & 0o777))?;
        }
        _ => return Ok(()),
    }
    owner.take(place)
}

/// Directories that no layer names belong to the image's root.
fn make_directories(directory: &Path, first_id: u32) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(above) = directory.parent() {
        make_directories(above, first_id)?;
    }
    fs::create_dir(directory)?;
    Owner::of_image(0, 0, first_id).take(directory)
}

/// Ids of an image that have one of their own on this machine where they are shifted.
const SHIFTED: u32 = 65_535;

/// Who a file is given to, as ids of this machine.
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    fn of(entry: &tar::Entry<'_, impl Read>, first_id: u32) -> io::Result<Self> {
        let id = |id: u64| u32::try_from(id).map_err(io::Error::other);
        Ok(Self::of_image(id(entry.header().uid()?)?, id(entry.header().gid()?)?, first_id))
    }

    fn of_image(uid: u32, gid: u32, first_id: u32) -> Self {
        let shifted = |id: u32| if first_id == 0 { id } else { first_id + id.min(SHIFTED) };
        Self { uid: shifted(uid), gid: shifted(gid) }
    }

    /// Root gives a file to whom the image says; others keep what they unpack.
    fn take(&self, place: &Path) -> io::Result<()> {
        if !nix::unistd::Uid::effective().is_root() {
            return Ok(());
        }
        lchown(place, Some(self.uid), Some(self.gid))
    }
}

fn link(entry: &tar::Entry<'_, impl Read>) -> io::Result<String> {
    let name = entry.link_name_bytes().ok_or_else(|| io::Error::other("a link leads nowhere"))?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// A file replaces a directory and the other way round; a link replaces what was there.
fn make_way(place: &Path, kind: EntryType) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(there) if there.is_dir() && kind == EntryType::Directory => Ok(()),
        Ok(_) => remove(place),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where a path of the image lies on this machine. Symbolic links are followed as they are inside the
/// image: an absolute one begins at its root, and none leads out. What is not there is taken as it stands.
///
/// # Errors
/// [`io::ErrorKind::Other`] where the path leads through more than 40 links.
pub fn inside(root: &Path, path: &str) -> io::Result<PathBuf> {
    let mut rest: VecDeque<String> = clean(path).split('/').map(str::to_owned).collect();
    let (mut place, mut links) = (root.to_owned(), 0);
    while let Some(part) = rest.pop_front() {
        match part.as_str() {
            "" | "." => continue,
            ".." if place == root => continue,
            ".." => {
                place.pop();
                continue;
            }
            part => place.push(part),
        }
        let Ok(target) = fs::read_link(&place) else { continue };
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::other(format!("/{path} leads through too many links")));
        }
        place.pop();
        let target = target.to_string_lossy().into_owned();
        if target.starts_with('/') {
            root.clone_into(&mut place);
        }
        for part in target.split('/').rev() {
            rest.push_front(part.to_owned());
        }
    }
    Ok(place)
}

fn hide_all(root: &Path, directory: &str, own: &BTreeSet<String>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(inside(root, directory)?) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = clean(&format!("{directory}/{}", entry.file_name().to_string_lossy()));
        let is_own = |own: &String| own == &path || own.starts_with(&format!("{path}/"));
        if !own.iter().any(is_own) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(place: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(place) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
