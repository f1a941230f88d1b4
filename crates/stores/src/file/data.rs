//! What a client does with a file's contents.

use std::sync::Arc;

use fuser::{LockOwner, ReplyData, ReplyEmpty, ReplyWrite};
use nix::libc;

use super::client::Client;
use super::front::{RoundTrip, errno_of};
use super::locks::{ALL_BYTES, Owner};
use crate::Fault;

impl Client {
    pub(super) fn read_data(&self, ino: u64, offset: u64, size: u32, reply: ReplyData) {
        let mut request = self.request("read");
        let mut read = self.state().tree.read(ino, offset, size);
        // At the end of the file there is nothing to fetch: the client knows the size.
        if read.as_ref().is_ok_and(|data| !data.is_empty()) {
            request.trips.push(RoundTrip::Read);
            request.fault = self.shared.front.faults.draw_of(is_failure);
            read = request.fault.map_or(read, |fault| Err(errno_of(fault)));
        }
        self.answer(request, move || match read {
            Ok(data) => reply.data(&data),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn write_data(
        &self,
        ino: u64,
        offset: u64,
        data: &[u8],
        flags: i32,
        reply: ReplyWrite,
    ) {
        let mut request = self.request("write");
        request.fault = self.shared.front.faults.draw();
        // The kernel's idea of the end may be older than another client's last write.
        let at = (flags & libc::O_APPEND == 0).then_some(offset);
        let applied = self.suffered(data, request.fault);
        let written = match applied {
            [] => Ok(()),
            applied => self.state().tree.write(ino, at, applied),
        };
        // `O_SYNC` is `O_DSYNC` and one bit more.
        if flags & libc::O_DSYNC != 0 {
            request.trips.push(RoundTrip::Write);
        } else if written.is_ok() && !applied.is_empty() {
            self.known().change(ino);
        }
        let written = written.and(request.fault.map_or(Ok(()), |fault| Err(errno_of(fault))));
        let size = data.len() as u32;
        self.answer(request, move || match written {
            Ok(()) => reply.written(size),
            Err(error) => reply.error(error),
        });
    }

    /// What a fault leaves of a write.
    fn suffered<'a>(&self, data: &'a [u8], fault: Option<Fault>) -> &'a [u8] {
        match fault {
            None | Some(Fault::AppliedThen500) => data,
            Some(Fault::NotApplied500 | Fault::Throttle) => &[],
            Some(Fault::Reset) => &data[..self.shared.front.faults.below(data.len().max(1))],
        }
    }

    pub(super) fn make_durable(&self, ino: u64, reply: ReplyEmpty) {
        let changed = self.known().flush(ino);
        let mut request = self.request("fsync").with(RoundTrip::Write, changed);
        if changed {
            request.fault = self.shared.front.faults.draw_of(is_failure);
        }
        let done = request.fault.map_or(Ok(()), |fault| Err(errno_of(fault)));
        self.answer_empty(request, done, reply);
    }

    /// One descriptor is closed: changes become durable, and the process loses its byte-range
    /// locks.
    pub(super) fn close_one(&self, ino: u64, owner: LockOwner, reply: ReplyEmpty) {
        let owner = Owner { client: self.id, id: owner.0 };
        let changed = self.known().flush(ino);
        let holds = self.state().locks.holds(ino, owner, ALL_BYTES);
        let request =
            self.request("close").with(RoundTrip::Write, changed).with(RoundTrip::Lock, holds);
        let shared = Arc::clone(&self.shared);
        self.answer(request, move || {
            if holds {
                shared.unlock(ino, owner, ALL_BYTES);
            }
            reply.ok();
        });
    }

    /// The last descriptor of a handle is closed; `flock`'s owner is named where there is one.
    pub(super) fn close_last(&self, ino: u64, handle: u64, owner: Option<LockOwner>) {
        self.state().close(handle);
        match owner {
            Some(owner) => {
                self.shared.unlock(ino, Owner { client: self.id, id: owner.0 }, ALL_BYTES);
            }
            None => self.shared.unlocked.notify_waiters(),
        }
    }
}

/// Which faults reading and `fsync` know.
fn is_failure(fault: Fault) -> bool {
    matches!(fault, Fault::AppliedThen500 | Fault::NotApplied500)
}
