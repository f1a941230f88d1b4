//! What all clients of one file store share.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use fuser::Errno;
use tokio::sync::Notify;

use super::front::FileServer;
use super::locks::{Bytes, Lock, Locks, Owner};
use super::tree::{Listed, Tree};

pub(super) struct Shared {
    pub(super) front: Arc<FileServer>,
    state: Mutex<State>,
    /// A lock was given up.
    pub(super) unlocked: Notify,
}

/// The tree, who has what of it open, and who locked what.
pub(super) struct State {
    pub(super) tree: Tree,
    pub(super) locks: Locks,
    handles: HashMap<u64, Open>,
    clients: BTreeSet<u64>,
    next: u64,
}

/// One open file or directory.
pub(super) struct Open {
    client: u64,
    pub(super) ino: u64,
    /// Of `open(2)`.
    pub(super) flags: i32,
    /// What a directory held when its listing began.
    pub(super) listing: Vec<Listed>,
}

/// What became of a wish for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    Taken,
    Held,
    /// The handle is, and its client with it.
    Gone,
}

impl Shared {
    pub(super) fn new(front: FileServer, tree: Tree) -> Self {
        let state = State {
            tree,
            locks: Locks::default(),
            handles: HashMap::new(),
            clients: BTreeSet::new(),
            next: 1,
        };
        Self { front: Arc::new(front), state: Mutex::new(state), unlocked: Notify::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// A new client's number.
    pub(super) fn join(&self) -> u64 {
        let mut state = self.state();
        let client = state.number();
        state.clients.insert(client);
        client
    }

    /// Ends all that a client had open or locked. Again, it does nothing.
    pub(super) fn leave(&self, client: u64) {
        let mut state = self.state();
        state.clients.remove(&client);
        let open = |(handle, open): (&u64, &Open)| (open.client == client).then_some(*handle);
        let handles: Vec<u64> = state.handles.iter().filter_map(open).collect();
        for handle in handles {
            state.close(handle);
        }
        drop(state);
        self.unlocked.notify_waiters();
    }

    /// Ends what an owner holds of a range, and lets others try.
    pub(super) fn unlock(&self, ino: u64, owner: Owner, bytes: Bytes) {
        self.state().locks.release(ino, owner, bytes);
        self.unlocked.notify_waiters();
    }
}

impl State {
    pub(super) fn open(&mut self, client: u64, ino: u64, flags: i32) -> Result<u64, Errno> {
        if !self.clients.contains(&client) {
            return Err(Errno::ENOTCONN);
        }
        self.tree.opened(ino)?;
        let handle = self.number();
        self.handles.insert(handle, Open { client, ino, flags, listing: Vec::new() });
        Ok(handle)
    }

    pub(super) fn handle(&self, handle: u64) -> Result<&Open, Errno> {
        self.handles.get(&handle).ok_or(Errno::EBADF)
    }

    /// The entries of an open directory, listed anew where a reader begins.
    pub(super) fn listing(&mut self, handle: u64, anew: bool) -> Result<&[Listed], Errno> {
        let open = self.handles.get_mut(&handle).ok_or(Errno::EBADF)?;
        if anew {
            open.listing = self.tree.list(open.ino)?;
        }
        Ok(&open.listing)
    }

    /// Ends a handle and the locks taken through it.
    pub(super) fn close(&mut self, handle: u64) {
        if let Some(open) = self.handles.remove(&handle) {
            self.locks.release_handle(open.ino, handle);
            self.tree.closed(open.ino);
        }
    }

    pub(super) fn take(&mut self, ino: u64, lock: Lock) -> Taking {
        // Whoever closes the handle ends its locks: there must be one.
        if !self.handles.contains_key(&lock.handle) {
            Taking::Gone
        } else if self.locks.take(ino, lock) {
            Taking::Taken
        } else {
            Taking::Held
        }
    }

    /// Never used before, for a client or a handle.
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
