//! The one tree of files that all clients share, in memory.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::{Errno, FileAttr, FileType, INodeNo};
use rust_decimal::Decimal;

use super::node::{Directory, Kind, Node};
use super::stored::Stored;

/// The root directory's number.
pub(super) const ROOT: u64 = INodeNo::ROOT.0;
/// What the tree may hold: it lies in this machine's memory. EFS itself is never full.
pub(super) const CAPACITY_BYTES: u64 = 2 << 30;
/// The longest name of EFS.
pub(super) const NAME_BYTES: usize = 255;

pub(super) struct Tree {
    nodes: HashMap<u64, Node>,
    next: u64,
    stored: Stored,
}

/// What `setattr` changes; `None` stays.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) perm: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) atime: Option<SystemTime>,
    pub(super) mtime: Option<SystemTime>,
}

/// One entry of a listing.
pub(super) struct Listed {
    pub(super) ino: u64,
    pub(super) kind: FileType,
    pub(super) name: OsString,
}

/// What a name leads to.
type Found = Result<FileAttr, Errno>;

impl Tree {
    /// An empty root directory of this user and group.
    pub(super) fn new(owner: (u32, u32)) -> Self {
        let root = Node::new(Kind::Directory(Directory::below(ROOT)), 0o755, owner);
        let mut stored = Stored::nothing();
        stored.changed(0, root.metered_bytes());
        Self { nodes: HashMap::from([(ROOT, root)]), next: ROOT + 1, stored }
    }

    pub(super) fn gb_months(&mut self) -> Decimal {
        self.stored.gb_months()
    }

    /// What AWS would bill for, in bytes, now.
    pub(super) fn metered_bytes(&self) -> u64 {
        self.stored.bytes()
    }

    pub(super) fn objects(&self) -> u64 {
        self.nodes.len() as u64
    }

    pub(super) fn lookup(&self, parent: u64, name: &OsStr) -> Found {
        self.attr(self.named(parent, name)?)
    }

    pub(super) fn attr(&self, ino: u64) -> Found {
        Ok(self.node(ino)?.attr(ino))
    }

    pub(super) fn set(&mut self, ino: u64, changes: Changes) -> Found {
        if let Some(size) = changes.size {
            self.truncate(ino, size)?;
        }
        self.change(ino, |node| {
            node.perm = changes.perm.map_or(node.perm, |perm| (perm & 0o7777) as u16);
            node.uid = changes.uid.unwrap_or(node.uid);
            node.gid = changes.gid.unwrap_or(node.gid);
            node.ctime = SystemTime::now();
            node.atime = changes.atime.unwrap_or(node.atime);
            node.mtime = changes.mtime.unwrap_or(node.mtime);
            Ok(node.attr(ino))
        })
    }

    /// Puts a new object under a free name.
    pub(super) fn add(&mut self, parent: u64, name: &OsStr, node: Node) -> Found {
        self.check_free(parent, name)?;
        let ino = self.next;
        self.next += 1;
        let attr = node.attr(ino);
        let below = u32::from(node.is_directory());
        self.stored.changed(0, node.metered_bytes());
        self.nodes.insert(ino, node);
        self.enter(parent, name, ino, below)?;
        Ok(attr)
    }

    /// A second name for a file.
    pub(super) fn link(&mut self, ino: u64, parent: u64, name: &OsStr) -> Found {
        self.check_free(parent, name)?;
        if self.node(ino)?.is_directory() {
            return Err(Errno::EPERM);
        }
        self.enter(parent, name, ino, 0)?;
        self.change(ino, |node| {
            node.links += 1;
            node.ctime = SystemTime::now();
            Ok(node.attr(ino))
        })
    }

    pub(super) fn unlink(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        if self.node(self.named(parent, name)?)?.is_directory() {
            return Err(Errno::EISDIR);
        }
        self.detach(parent, name)
    }

    pub(super) fn rmdir(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        let node = self.node(self.named(parent, name)?)?;
        if !node.directory()?.entries().is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.detach(parent, name)
    }

    /// Gives an object another name in one step; what had that name is gone.
    pub(super) fn rename(
        &mut self,
        from: (u64, &OsStr),
        to: (u64, &OsStr),
        no_replace: bool,
    ) -> Result<(), Errno> {
        let moved = self.named(from.0, from.1)?;
        let directory = self.node(moved)?.is_directory();
        if directory && self.is_within(to.0, moved)? {
            return Err(Errno::EINVAL);
        }
        match self.named(to.0, to.1) {
            Ok(_) if no_replace => return Err(Errno::EEXIST),
            Ok(replaced) if replaced == moved => return Ok(()),
            Ok(replaced) => {
                self.check_replaced(replaced, directory)?;
                self.detach(to.0, to.1)?;
            }
            Err(error) if error == Errno::ENOENT => self.check_free(to.0, to.1)?,
            Err(error) => return Err(error),
        }
        let below = u32::from(directory);
        self.leave(from.0, from.1, below)?;
        self.enter(to.0, to.1, moved, below)?;
        self.change(moved, |node| {
            node.ctime = SystemTime::now();
            if let Kind::Directory(directory) = &mut node.kind {
                directory.parent = to.0;
            }
            Ok(())
        })
    }

    pub(super) fn read_link(&self, ino: u64) -> Result<OsString, Errno> {
        match &self.node(ino)?.kind {
            Kind::Link(target) => Ok(target.clone()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Up to `size` bytes; fewer at the end of the file.
    pub(super) fn read(&self, ino: u64, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let data = self.node(ino)?.file()?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
        let until = from.saturating_add(size as usize).min(data.len());
        Ok(data[from..until].to_vec())
    }

    /// All of `data` or, where it does not fit, nothing. Without an offset it is appended.
    pub(super) fn write(
        &mut self,
        ino: u64,
        offset: Option<u64>,
        data: &[u8],
    ) -> Result<(), Errno> {
        let size = self.node(ino)?.file()?.len() as u64;
        let from = offset.unwrap_or(size);
        let until = from.checked_add(data.len() as u64).ok_or(Errno::EFBIG)?;
        if until > size {
            self.truncate(ino, until)?;
        }
        self.change(ino, |node| {
            node.file_mut()?[from as usize..until as usize].copy_from_slice(data);
            node.modified();
            Ok(())
        })
    }

    pub(super) fn truncate(&mut self, ino: u64, size: u64) -> Result<(), Errno> {
        let room = CAPACITY_BYTES.saturating_sub(self.stored.bytes());
        self.change(ino, |node| {
            let data = node.file_mut()?;
            if size.saturating_sub(data.len() as u64) > room {
                return Err(Errno::ENOSPC);
            }
            data.resize(size as usize, 0);
            // What a large file took must not stay with a small one.
            if data.capacity() > 4 * data.len() {
                data.shrink_to(2 * data.len());
            }
            node.modified();
            Ok(())
        })
    }

    /// Everything in a directory, `.` and `..` first.
    pub(super) fn list(&self, ino: u64) -> Result<Vec<Listed>, Errno> {
        let directory = self.node(ino)?.directory()?;
        let special = [(".".into(), ino), ("..".into(), directory.parent)];
        let entries = directory.entries().iter().map(|(name, ino)| (name.clone(), *ino));
        special
            .into_iter()
            .chain(entries)
            .map(|(name, ino)| Ok(Listed { ino, kind: self.node(ino)?.file_type(), name }))
            .collect()
    }

    /// One more handle leads to it.
    pub(super) fn opened(&mut self, ino: u64) -> Result<(), Errno> {
        self.change(ino, |node| {
            node.open += 1;
            Ok(())
        })
    }

    /// One handle less; without a name either, it is gone.
    pub(super) fn closed(&mut self, ino: u64) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.open -= 1;
        }
        self.free_unused(ino);
    }

    fn node(&self, ino: u64) -> Result<&Node, Errno> {
        self.nodes.get(&ino).ok_or(Errno::ESTALE)
    }

    fn named(&self, parent: u64, name: &OsStr) -> Result<u64, Errno> {
        let entries = self.node(parent)?.directory()?.entries();
        entries.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// Changes a node and what it is metered.
    fn change<R>(
        &mut self,
        ino: u64,
        change: impl FnOnce(&mut Node) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let node = self.nodes.get_mut(&ino).ok_or(Errno::ESTALE)?;
        let before = node.metered_bytes();
        let done = change(node);
        self.stored.changed(before, node.metered_bytes());
        done
    }

    fn check_free(&self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        if name.len() > NAME_BYTES {
            return Err(Errno::ENAMETOOLONG);
        }
        let parent = self.node(parent)?;
        if parent.directory()?.entries().contains_key(name) {
            return Err(Errno::EEXIST);
        }
        // Another client may have removed the directory under an open one.
        if parent.links == 0 { Err(Errno::ENOENT) } else { Ok(()) }
    }

    fn check_replaced(&self, replaced: u64, by_directory: bool) -> Result<(), Errno> {
        let replaced = self.node(replaced)?;
        match (&replaced.kind, by_directory) {
            (Kind::Directory(_), false) => Err(Errno::EISDIR),
            (Kind::Directory(directory), true) if !directory.entries().is_empty() => {
                Err(Errno::ENOTEMPTY)
            }
            (Kind::Directory(_), true) => Ok(()),
            (_, true) => Err(Errno::ENOTDIR),
            (_, false) => Ok(()),
        }
    }

    fn is_within(&self, ino: u64, ancestor: u64) -> Result<bool, Errno> {
        let mut at = ino;
        while at != ROOT {
            if at == ancestor {
                return Ok(true);
            }
            at = self.node(at)?.directory()?.parent;
        }
        Ok(ancestor == ROOT)
    }

    /// Writes a name into a directory; `below` is 1 where it names a directory.
    fn enter(&mut self, parent: u64, name: &OsStr, ino: u64, below: u32) -> Result<(), Errno> {
        self.change(parent, |node| {
            node.directory_mut()?.insert(name.to_owned(), ino);
            node.links += below;
            node.modified();
            Ok(())
        })
    }

    fn leave(&mut self, parent: u64, name: &OsStr, below: u32) -> Result<(), Errno> {
        self.change(parent, |node| {
            node.directory_mut()?.remove(name);
            node.links -= below;
            node.modified();
            Ok(())
        })
    }

    /// Takes a name from an object, and frees it if that was the last that led to it.
    fn detach(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        let ino = self.named(parent, name)?;
        let directory = self.node(ino)?.is_directory();
        self.leave(parent, name, u32::from(directory))?;
        self.change(ino, |node| {
            node.links = if directory { 0 } else { node.links - 1 };
            node.ctime = SystemTime::now();
            Ok(())
        })?;
        self.free_unused(ino);
        Ok(())
    }

    fn free_unused(&mut self, ino: u64) {
        if self.nodes.get(&ino).is_some_and(|node| node.links == 0 && node.open == 0)
            && let Some(gone) = self.nodes.remove(&ino)
        {
            self.stored.changed(gone.metered_bytes(), 0);
        }
    }
}
