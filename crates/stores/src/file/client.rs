//! One mount: a client's tree, its handles and what it knows.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, Generation, INodeNo, LockOwner, ReplyAttr, ReplyEmpty, ReplyEntry,
};
use nix::libc;

use super::front::Request;
use super::known::Known;
use super::locks::{Bytes, Lock, Owner};
use super::node::Node;
use super::shared::{Shared, State};

/// Nothing is cached in the kernel: clients see each other's changes at once.
pub(super) const TTL: Duration = Duration::ZERO;
/// Numbers of objects are never used again.
pub(super) const GENERATION: Generation = Generation(0);
pub(super) struct Client {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) name: Arc<str>,
    known: Mutex<Known>,
}

impl Client {
    pub(super) fn new(shared: Arc<Shared>, id: u64, name: &str) -> Self {
        Self { shared, id, name: name.into(), known: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no holder of this lock panics")
    }

    pub(super) fn request(&self, operation: &'static str) -> Request {
        Request::of(&self.name, operation)
    }

    pub(super) fn answer(&self, request: Request, reply: impl FnOnce() + Send + 'static) {
        self.shared.front.answer(request, reply);
    }

    pub(super) fn answer_entry(
        &self,
        request: Request,
        found: Result<FileAttr, Errno>,
        reply: ReplyEntry,
    ) {
        if let Ok(attr) = &found {
            self.known().learn(attr);
        }
        self.answer(request, move || match found {
            Ok(attr) => reply.entry(&TTL, &attr, GENERATION),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn answer_attr(
        &self,
        request: Request,
        found: Result<FileAttr, Errno>,
        reply: ReplyAttr,
    ) {
        if let Ok(attr) = &found {
            self.known().learn(attr);
        }
        self.answer(request, move || match found {
            Ok(attr) => reply.attr(&TTL, &attr),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn answer_empty(
        &self,
        request: Request,
        done: Result<(), Errno>,
        reply: ReplyEmpty,
    ) {
        self.answer(request, move || match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn wish(
        &self,
        handle: FileHandle,
        owner: LockOwner,
        bytes: Bytes,
        kind: i32,
        pid: u32,
    ) -> Lock {
        let owner = Owner { client: self.id, id: owner.0 };
        Lock { owner, handle: handle.0, bytes, exclusive: kind == libc::F_WRLCK, pid }
    }

    pub(super) fn add(
        &self,
        request: Request,
        at: (INodeNo, &OsStr),
        node: Node,
        reply: ReplyEntry,
    ) {
        let added = self.state().tree.add(at.0.0, at.1, node);
        self.answer_entry(request, added, reply);
    }

    /// Opens what a `create` found or made, and whether it made it.
    pub(super) fn create_or_open(
        &self,
        parent: u64,
        name: &OsStr,
        node: Node,
        flags: i32,
    ) -> Result<(FileAttr, u64, bool), Errno> {
        let mut state = self.state();
        let (attr, made) = match state.tree.add(parent, name, node) {
            Ok(attr) => (attr, true),
            // Another client was faster.
            Err(Errno::EEXIST) if flags & libc::O_EXCL == 0 => {
                (state.tree.lookup(parent, name)?, false)
            }
            Err(error) => return Err(error),
        };
        if flags & libc::O_TRUNC != 0 && !made {
            state.tree.truncate(attr.ino.0, 0)?;
        }
        let handle = state.open(self.id, attr.ino.0, flags)?;
        Ok((state.tree.attr(attr.ino.0)?, handle, made))
    }
}
