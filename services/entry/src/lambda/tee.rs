//! The service's standard error: passed on as it is, its end remembered for messages.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

/// How much is remembered, bytes: some lines of a traceback.
const TAIL_BYTES: usize = 2048;
/// Read at once.
const CHUNK_BYTES: usize = 8192;

/// One pipe behind two handles, for the runtime's own knows of new bytes a moment later.
pub(crate) struct Tee {
    ready: Receiver,
    direct: File,
    tail: Mutex<VecDeque<u8>>,
}

impl Tee {
    /// Passes on what comes out of this pipe.
    pub(crate) fn of(pipe: OwnedFd) -> io::Result<Arc<Self>> {
        widen(&pipe);
        let direct = File::from(pipe.try_clone()?);
        // Makes both handles non-blocking: they are one open file.
        let ready = Receiver::from_owned_fd(pipe)?;
        let tee = Arc::new(Self { ready, direct, tail: Mutex::default() });
        let following = tee.clone();
        tokio::spawn(async move {
            while following.ready.readable().await.is_ok() {
                if following.pass_all_on(|chunk| following.ready.try_read(chunk)) {
                    return;
                }
            }
        });
        Ok(tee)
    }

    /// Passes on what has been written until now, so that a log line stands before the end of the
    /// request that caused it: a frozen environment writes nothing.
    pub(crate) fn catch_up(&self) {
        let mut direct = &self.direct;
        self.pass_all_on(|chunk| direct.read(chunk));
    }

    /// Until there is nothing to read now. True: nothing more will come.
    fn pass_all_on(&self, mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> bool {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            match read(&mut chunk) {
                Ok(0) => return true,
                Ok(read) => self.pass_on(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
    }

    /// The last lines, joined by `sep`; empty where nothing was written.
    pub(crate) fn last_lines(&self, most: usize, sep: &str) -> String {
        let tail: Vec<u8> =
            self.tail.lock().expect("no panic while held").iter().copied().collect();
        let text = String::from_utf8_lossy(&tail);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(most)..].join(sep)
    }

    fn pass_on(&self, mut bytes: &[u8]) {
        let mut tail = self.tail.lock().expect("no panic while held");
        tail.extend(bytes);
        let excess = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
        let mut out = io::stderr();
        while !bytes.is_empty() {
            match out.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody else made it non-blocking, and its reader is slow.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                // Nobody reads it.
                Err(_) => return,
            }
        }
    }
}

/// A service that logs much must not wait for this process to find time.
#[cfg(target_os = "linux")]
fn widen(pipe: &OwnedFd) {
    use nix::fcntl::{FcntlArg, fcntl};
    const PIPE_BYTES: i32 = 1 << 20;
    // A smaller one does, where the system allows no larger.
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
}

#[cfg(not(target_os = "linux"))]
fn widen(_: &OwnedFd) {}
