//! How a client takes, asks for and gives up locks.

use std::sync::Arc;
use std::time::Duration;

use fuser::{Errno, ReplyEmpty, ReplyLock};
use nix::libc;

use super::client::Client;
use super::front::{Request, RoundTrip};
use super::locks::Lock;
use super::shared::{Shared, Taking};
use super::signals::is_interrupted;

/// How often somebody who waits for a lock is looked after: it may have been killed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Client {
    pub(super) fn query_lock(&self, ino: u64, wish: Lock, reply: ReplyLock) {
        let request = self.request("lock").with(RoundTrip::Lock, true);
        let against = self.state().locks.against(ino, &wish);
        self.answer(request, move || match against {
            None => reply.locked(wish.bytes.0, wish.bytes.1, libc::F_UNLCK, 0),
            Some(held) => {
                let kind = if held.exclusive { libc::F_WRLCK } else { libc::F_RDLCK };
                reply.locked(held.bytes.0, held.bytes.1, kind, held.pid);
            }
        });
    }

    /// `waiting` names the thread that waits until the lock is free; without one it does not wait.
    pub(super) fn lock(&self, ino: u64, wish: Lock, waiting: Option<u32>, reply: ReplyEmpty) {
        let request = self.request("lock").with(RoundTrip::Lock, true);
        let taking = match self.try_lock(ino, wish) {
            Ok(taking) => taking,
            Err(error) => return reply.error(error),
        };
        // As an NFS client does: what others wrote before must be seen now.
        self.known().doubt(ino);
        match (taking, waiting) {
            (Taking::Taken, _) => self.answer_empty(request, Ok(()), reply),
            (Taking::Gone, _) => reply.error(Errno::ENOTCONN),
            (Taking::Held, None) => self.answer_empty(request, Err(Errno::EAGAIN), reply),
            (Taking::Held, Some(thread)) => {
                let waiting = wait_until_taken(Arc::clone(&self.shared), ino, wish, thread);
                self.shared.front.waits.spawn(answer_when(
                    waiting,
                    Arc::clone(&self.shared),
                    request,
                    reply,
                ));
            }
        }
    }

    /// Over NFS even `flock` needs a file that is open for writing to exclude others, and one that
    /// is open for reading to share.
    fn try_lock(&self, ino: u64, wish: Lock) -> Result<Taking, Errno> {
        let mut state = self.state();
        let access = state.handle(wish.handle)?.flags & libc::O_ACCMODE;
        let refused = if wish.exclusive { libc::O_RDONLY } else { libc::O_WRONLY };
        if access == refused {
            return Err(Errno::EBADF);
        }
        let taking = state.take(ino, wish);
        drop(state);
        // It may have replaced a stronger lock of the same owner.
        self.shared.unlocked.notify_waiters();
        Ok(taking)
    }

    pub(super) fn unlock(&self, ino: u64, wish: Lock, reply: ReplyEmpty) {
        let holds = self.state().locks.holds(ino, wish.owner, wish.bytes);
        let changed = holds && self.known().flush(ino);
        let request =
            self.request("unlock").with(RoundTrip::Write, changed).with(RoundTrip::Lock, holds);
        let shared = Arc::clone(&self.shared);
        self.answer(request, move || {
            shared.unlock(ino, wish.owner, wish.bytes);
            reply.ok();
        });
    }
}

async fn answer_when(
    taken: impl Future<Output = Result<(), Errno>>,
    shared: Arc<Shared>,
    request: Request,
    reply: ReplyEmpty,
) {
    match taken.await {
        Ok(()) => shared.front.answer_contended(request, move || reply.ok()).await,
        Err(error) => reply.error(error),
    }
}

/// Tries again whenever a lock was given up, until the thread that waits has a signal or its
/// client is gone.
async fn wait_until_taken(
    shared: Arc<Shared>,
    ino: u64,
    wish: Lock,
    thread: u32,
) -> Result<(), Errno> {
    loop {
        let given_up = shared.unlocked.notified();
        match shared.state().take(ino, wish) {
            Taking::Taken => return Ok(()),
            Taking::Gone => return Err(Errno::ENOTCONN),
            Taking::Held => {}
        }
        // Running out of time is no error: it is the moment to look.
        let _ = tokio::time::timeout(LOOK_AGAIN, given_up).await;
        if is_interrupted(thread) {
            return Err(Errno::EINTR);
        }
    }
}
