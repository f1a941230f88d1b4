//! Writing a layer: sorted, owned by root, of one time, so that the same files are the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use tar::{EntryType, Header};

use crate::digest::{Digest, Hashing};
use crate::error::{Explain, ImageError};
use crate::gzip::GzipWriter;
use crate::layout::Layout;
use crate::spec::{Descriptor, LAYER_GZIP};
use crate::tree::FileTree;

/// One path of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Directory,
    Bytes(Vec<u8>),
    /// A file of this machine.
    File(PathBuf),
    Symlink(String),
}

pub(crate) const DIRECTORY_MODE: u32 = 0o755;

/// Paths without leading slash, in the order in which they are written.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// A layer in a layout.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub descriptor: Descriptor,
    /// Of the layer unpacked.
    pub diff_id: Digest,
}

/// Writes a layer that comes on top of `below`. Directories that lead to its files are part of it,
/// but not those which are there already: naming them again would change their rights, or make a
/// directory of a symbolic link.
pub(crate) fn write(
    mut entries: Entries,
    below: &FileTree,
    mtime: u64,
    layout: &Layout,
) -> Result<Written, ImageError> {
    add_parents(&mut entries);
    entries.retain(|path, entry| {
        !(matches!(entry.content, Content::Directory) && below.is_directory(path))
    });
    let mut staged = layout.stage()?;
    let at = staged.path().to_owned();
    let gzip = GzipWriter::new(&mut staged).explain("write", &at)?;
    let mut tar = tar::Builder::new(Hashing::new(gzip));
    for (path, entry) in &entries {
        append(&mut tar, path, entry, mtime)?;
    }
    let hashing = tar.into_inner().explain("write", &at)?;
    let diff_id = hashing.digest();
    hashing.inner.finish().explain("write", &at)?;
    Ok(Written { descriptor: staged.commit(LAYER_GZIP)?, diff_id })
}

fn add_parents(entries: &mut Entries) {
    let paths: Vec<String> = entries.keys().cloned().collect();
    for path in paths {
        for (end, _) in path.match_indices('/') {
            let parent = Entry { content: Content::Directory, mode: DIRECTORY_MODE };
            entries.entry(path[..end].to_owned()).or_insert(parent);
        }
    }
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    entry: &Entry,
    mtime: u64,
) -> Result<(), ImageError> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(0);
    match &entry.content {
        Content::Directory => {
            header.set_entry_type(EntryType::Directory);
            tar.append_data(&mut header, format!("{path}/"), io::empty())
        }
        Content::Symlink(target) => {
            header.set_entry_type(EntryType::Symlink);
            tar.append_link(&mut header, path, target)
        }
        Content::Bytes(bytes) => {
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, bytes.as_slice())
        }
        Content::File(source) => {
            let file = File::open(source).explain("read", source)?;
            let size = file.metadata().explain("read", source)?.len();
            header.set_size(size);
            // The header has promised a size: a file that grows meanwhile must not break the layer.
            let mut whole = Hashing::new(file.take(size));
            tar.append_data(&mut header, path, &mut whole).explain("read", source)?;
            if whole.bytes < size {
                let cut = io::Error::other("it became shorter while it was read");
                return Err(cut).explain("read", source);
            }
            Ok(())
        }
    }
    .map_err(|why| ImageError::Io {
        doing: "put into a layer",
        path: format!("/{path}").into(),
        why,
    })
}
