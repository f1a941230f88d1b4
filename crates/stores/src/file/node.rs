//! One object of the tree: a file, a directory or a symbolic link.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use fuser::{Errno, FileAttr, FileType, INodeNo};

/// Metered for each object's inode.
/// Source: docs.aws.amazon.com/efs/latest/ug/metered-sizes.html
const INODE_BYTES: u64 = 2 << 10;
/// Data are metered in these increments, one at least. Same source.
const INCREMENT_BYTES: u64 = 4 << 10;
/// What a directory's entry takes beside its name. Assumed: AWS does not say.
const ENTRY_BYTES: u64 = 16;
/// What EFS recommends clients to read and write at once (rsize, wsize).
pub(super) const TRANSFER_BYTES: u32 = 1 << 20;

pub(super) struct Node {
    pub(super) kind: Kind,
    /// Permission bits, 0 … 0o7777.
    pub(super) perm: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Names that lead here; two and one per subdirectory for a directory.
    pub(super) links: u32,
    /// Open handles of all clients. They keep an object alive that has lost its names.
    pub(super) open: u32,
    pub(super) atime: SystemTime,
    pub(super) mtime: SystemTime,
    pub(super) ctime: SystemTime,
}

pub(super) enum Kind {
    File(Vec<u8>),
    Directory(Directory),
    Link(OsString),
}

pub(super) struct Directory {
    pub(super) parent: u64,
    entries: BTreeMap<OsString, u64>,
    bytes: u64,
}

impl Node {
    /// An object nothing leads to yet; `owner` is user and group.
    pub(super) fn new(kind: Kind, perm: u32, owner: (u32, u32)) -> Self {
        let now = SystemTime::now();
        let links = if matches!(kind, Kind::Directory(_)) { 2 } else { 1 };
        Self {
            kind,
            perm: (perm & 0o7777) as u16,
            uid: owner.0,
            gid: owner.1,
            links,
            open: 0,
            atime: now,
            mtime: now,
            ctime: now,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    pub(super) fn directory(&self) -> Result<&Directory, Errno> {
        match &self.kind {
            Kind::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn directory_mut(&mut self) -> Result<&mut Directory, Errno> {
        match &mut self.kind {
            Kind::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn file(&self) -> Result<&Vec<u8>, Errno> {
        match &self.kind {
            Kind::File(data) => Ok(data),
            Kind::Directory(_) => Err(Errno::EISDIR),
            Kind::Link(_) => Err(Errno::EINVAL),
        }
    }

    pub(super) fn file_mut(&mut self) -> Result<&mut Vec<u8>, Errno> {
        match &mut self.kind {
            Kind::File(data) => Ok(data),
            Kind::Directory(_) => Err(Errno::EISDIR),
            Kind::Link(_) => Err(Errno::EINVAL),
        }
    }

    /// Its contents changed now.
    pub(super) fn modified(&mut self) {
        self.mtime = SystemTime::now();
        self.ctime = self.mtime;
    }

    pub(super) fn file_type(&self) -> FileType {
        match self.kind {
            Kind::File(_) => FileType::RegularFile,
            Kind::Directory(_) => FileType::Directory,
            Kind::Link(_) => FileType::Symlink,
        }
    }

    /// What AWS bills for it, in bytes.
    pub(super) fn metered_bytes(&self) -> u64 {
        INODE_BYTES + self.data_bytes()
    }

    fn data_bytes(&self) -> u64 {
        self.size().max(1).next_multiple_of(INCREMENT_BYTES)
    }

    fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(data) => data.len() as u64,
            Kind::Directory(directory) => directory.bytes.max(INCREMENT_BYTES),
            Kind::Link(target) => target.len() as u64,
        }
    }

    pub(super) fn attr(&self, ino: u64) -> FileAttr {
        FileAttr {
            ino: INodeNo(ino),
            size: self.size(),
            blocks: self.data_bytes() / 512,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            crtime: self.ctime,
            kind: self.file_type(),
            perm: self.perm,
            nlink: self.links,
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: TRANSFER_BYTES,
            flags: 0,
        }
    }
}

impl Directory {
    pub(super) fn below(parent: u64) -> Self {
        Self { parent, entries: BTreeMap::new(), bytes: 0 }
    }

    pub(super) fn entries(&self) -> &BTreeMap<OsString, u64> {
        &self.entries
    }

    pub(super) fn insert(&mut self, name: OsString, ino: u64) {
        self.bytes += name.as_bytes().len() as u64 + ENTRY_BYTES;
        self.entries.insert(name, ino);
    }

    pub(super) fn remove(&mut self, name: &std::ffi::OsStr) {
        if self.entries.remove(name).is_some() {
            self.bytes -= name.as_bytes().len() as u64 + ENTRY_BYTES;
        }
    }
}
