//! What the kernel asks of a mount, on behalf of one client's processes.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use fuser::{
    BsdFileFlags, Errno, FileHandle, Filesystem, FopenFlags, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyLock, ReplyOpen, ReplyStatfs, ReplyWrite, Request as Asked,
    TimeOrNow, WriteFlags,
};
use nix::libc;

use super::client::{Client, GENERATION, TTL};
use super::front::RoundTrip;
use super::node::{Directory, Kind, Node, TRANSFER_BYTES};
use super::tree::{Changes, NAME_BYTES};

/// What EFS says it holds: 2^63 bytes less one block, in blocks of [`TRANSFER_BYTES`].
const BLOCKS: u64 = (1 << 43) - 1;

impl Filesystem for Client {
    fn init(&mut self, _: &Asked, config: &mut KernelConfig) -> io::Result<()> {
        let locks = InitFlags::FUSE_POSIX_LOCKS | InitFlags::FUSE_FLOCK_LOCKS;
        config
            .add_capabilities(locks)
            .map_err(|_| io::Error::other("this kernel's FUSE has no locks"))?;
        let wanted = [
            InitFlags::FUSE_ATOMIC_O_TRUNC,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        ];
        for capability in wanted {
            // Works without, on an older kernel: slower, or no shared memory maps.
            let _ = config.add_capabilities(capability);
        }
        config.set_max_write(TRANSFER_BYTES).map_err(|most| {
            io::Error::other(format!("FUSE writes at most {most} bytes at once"))
        })?;
        Ok(())
    }

    /// The session ended, whoever unmounted it.
    fn destroy(&mut self) {
        self.shared.leave(self.id);
    }

    fn lookup(&self, _: &Asked, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let request = self.request("lookup");
        let state = self.state();
        let found = state.tree.lookup(parent.0, name);
        let asked_for = found.as_ref().map_or(parent.0, |attr| attr.ino.0);
        let trip = !self.known().has(asked_for);
        if let Ok(attr) = state.tree.attr(asked_for) {
            self.known().learn(&attr);
        }
        drop(state);
        self.answer_entry(request.with(RoundTrip::Stat, trip), found, reply);
    }

    fn forget(&self, _: &Asked, ino: INodeNo, _: u64) {
        self.known().forget(ino.0);
    }

    fn getattr(&self, _: &Asked, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let trip = !self.known().has(ino.0);
        let request = self.request("stat").with(RoundTrip::Stat, trip);
        let found = self.state().tree.attr(ino.0);
        self.answer_attr(request, found, reply);
    }

    fn setattr(
        &self,
        _: &Asked,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let request = self.request("setattr").with(RoundTrip::Change, true);
        let (atime, mtime) = (atime.map(time), mtime.map(time));
        let changes = Changes { perm: mode, uid, gid, size, atime, mtime };
        let set = self.state().tree.set(ino.0, changes);
        self.answer_attr(request, set, reply);
    }

    fn readlink(&self, _: &Asked, ino: INodeNo, reply: ReplyData) {
        match self.state().tree.read_link(ino.0) {
            Ok(target) => reply.data(target.as_bytes()),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(
        &self,
        asked: &Asked,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        if mode & libc::S_IFMT != libc::S_IFREG {
            return reply.error(Errno::EPERM);
        }
        let request = self.request("mknod").with(RoundTrip::Create, true);
        let file = Node::new(Kind::File(Vec::new()), mode, owner(asked));
        self.add(request, (parent, name), file, reply);
    }

    fn mkdir(
        &self,
        asked: &Asked,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let request = self.request("mkdir").with(RoundTrip::Change, true);
        let kind = Kind::Directory(Directory::below(parent.0));
        self.add(request, (parent, name), Node::new(kind, mode, owner(asked)), reply);
    }

    fn symlink(
        &self,
        asked: &Asked,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let request = self.request("symlink").with(RoundTrip::Create, true);
        let kind = Kind::Link(target.as_os_str().to_owned());
        self.add(request, (parent, name), Node::new(kind, 0o777, owner(asked)), reply);
    }

    fn link(&self, _: &Asked, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let request = self.request("link").with(RoundTrip::Create, true);
        let linked = self.state().tree.link(ino.0, parent.0, name);
        self.answer_entry(request, linked, reply);
    }

    fn unlink(&self, _: &Asked, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let request = self.request("unlink").with(RoundTrip::Change, true);
        let done = self.state().tree.unlink(parent.0, name);
        self.answer_empty(request, done, reply);
    }

    fn rmdir(&self, _: &Asked, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let request = self.request("rmdir").with(RoundTrip::Change, true);
        let done = self.state().tree.rmdir(parent.0, name);
        self.answer_empty(request, done, reply);
    }

    fn rename(
        &self,
        _: &Asked,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let request = self.request("rename").with(RoundTrip::Change, true);
        let no_replace = flags.contains(RenameFlags::RENAME_NOREPLACE);
        let (from, to) = ((parent.0, name), (new_parent.0, new_name));
        let done = self.state().tree.rename(from, to, no_replace);
        self.answer_empty(request, done, reply);
    }

    fn open(&self, _: &Asked, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let mut state = self.state();
        let truncates = flags.0 & libc::O_TRUNC != 0;
        let truncated = if truncates { state.tree.truncate(ino.0, 0) } else { Ok(()) };
        let opened = truncated.and_then(|()| state.open(self.id, ino.0, flags.0));
        if let Ok(attr) = state.tree.attr(ino.0) {
            self.known().learn(&attr);
        }
        drop(state);
        let trip = if truncates { RoundTrip::Change } else { RoundTrip::Stat };
        self.answer(self.request("open").with(trip, true), move || match opened {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(error),
        });
    }

    fn create(
        &self,
        asked: &Asked,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let request = self.request("create");
        let file = Node::new(Kind::File(Vec::new()), mode, owner(asked));
        let opened = self.create_or_open(parent.0, name, file, flags);
        let trip = match &opened {
            Ok((attr, _, made)) => {
                self.known().learn(attr);
                if *made { RoundTrip::Create } else { RoundTrip::Stat }
            }
            Err(_) => RoundTrip::Stat,
        };
        self.answer(request.with(trip, true), move || match opened {
            Ok((attr, handle, _)) => reply.created(
                &TTL,
                &attr,
                GENERATION,
                FileHandle(handle),
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(error) => reply.error(error),
        });
    }

    fn read(
        &self,
        _: &Asked,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.read_data(ino.0, offset, size, reply);
    }

    fn write(
        &self,
        _: &Asked,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.write_data(ino.0, offset, data, flags.0, reply);
    }

    fn fsync(&self, _: &Asked, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.make_durable(ino.0, reply);
    }

    fn flush(&self, _: &Asked, ino: INodeNo, _: FileHandle, owner: LockOwner, reply: ReplyEmpty) {
        self.close_one(ino.0, owner, reply);
    }

    fn release(
        &self,
        _: &Asked,
        ino: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        owner: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.close_last(ino.0, handle.0, owner);
        reply.ok();
    }

    fn opendir(&self, _: &Asked, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match self.state().open(self.id, ino.0, flags.0) {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Asked,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        // One trip brings more than the kernel takes at once.
        let request = self.request("readdir").with(RoundTrip::Stat, offset == 0);
        let mut state = self.state();
        let listed = state.listing(handle.0, offset == 0).map(|listing| {
            for (at, entry) in listing.iter().enumerate().skip(offset as usize) {
                let next = at as u64 + 1;
                if reply.add(INodeNo(entry.ino), next, entry.kind, &entry.name) {
                    break;
                }
            }
        });
        drop(state);
        self.answer(request, move || match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
    }

    fn fsyncdir(&self, _: &Asked, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        // Changes of directories are durable when they are answered.
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Asked,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.state().close(handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Asked, _: INodeNo, reply: ReplyStatfs) {
        let state = self.state();
        let used = state.tree.metered_bytes().div_ceil(TRANSFER_BYTES.into());
        let free = BLOCKS.saturating_sub(used);
        let objects = state.tree.objects();
        drop(state);
        reply.statfs(
            BLOCKS,
            free,
            free,
            objects,
            0,
            TRANSFER_BYTES,
            NAME_BYTES as u32,
            TRANSFER_BYTES,
        );
    }

    fn getlk(
        &self,
        _: &Asked,
        ino: INodeNo,
        handle: FileHandle,
        owner: LockOwner,
        start: u64,
        end: u64,
        kind: i32,
        pid: u32,
        reply: ReplyLock,
    ) {
        let bytes = (start, end);
        self.query_lock(ino.0, self.wish(handle, owner, bytes, kind, pid), reply);
    }

    fn setlk(
        &self,
        asked: &Asked,
        ino: INodeNo,
        handle: FileHandle,
        owner: LockOwner,
        start: u64,
        end: u64,
        kind: i32,
        pid: u32,
        sleep: bool,
        reply: ReplyEmpty,
    ) {
        let wish = self.wish(handle, owner, (start, end), kind, pid);
        if kind == libc::F_UNLCK {
            self.unlock(ino.0, wish, reply);
        } else {
            self.lock(ino.0, wish, sleep.then_some(asked.pid()), reply);
        }
    }
}

fn owner(asked: &Asked) -> (u32, u32) {
    (asked.uid(), asked.gid())
}

fn time(given: TimeOrNow) -> SystemTime {
    match given {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}
