//! What an environment prints.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use tokio::net::unix::pipe::Receiver;

/// The tail AWS hands out with `LogType: Tail`, bytes (Lambda API reference, Invoke).
const TAIL_BYTES: usize = 4096;
/// Bytes read from a pipe at once.
const CHUNK_BYTES: usize = 8192;

/// The last of what was printed, and how much there was in all.
pub(crate) struct Log {
    pipes: Vec<Pipe>,
    /// Held while a pipe is read, so that what was read first is also written first.
    inner: Mutex<Inner>,
}

/// One pipe behind two handles, for the runtime's own knows of new bytes a moment later.
struct Pipe {
    ready: Receiver,
    direct: File,
}

#[derive(Default)]
struct Inner {
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Log {
    /// The log of what comes out of these pipes.
    pub(crate) fn of(pipes: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let open = |pipe: OwnedFd| {
            let direct = File::from(pipe.try_clone()?);
            // Makes both handles non-blocking: they are one open file.
            Ok(Pipe { ready: Receiver::from_owned_fd(pipe)?, direct })
        };
        let pipes = pipes.into_iter().map(open).collect::<io::Result<_>>()?;
        Ok(Self { pipes, inner: Mutex::default() })
    }

    /// Copies one of the pipes until its end.
    pub(crate) async fn follow(&self, pipe: usize) {
        let Pipe { ready, .. } = &self.pipes[pipe];
        while ready.readable().await.is_ok() {
            let mut inner = self.lock();
            let mut chunk = [0; CHUNK_BYTES];
            loop {
                match ready.try_read(&mut chunk) {
                    Ok(0) => return,
                    Ok(read) => inner.write(&chunk[..read]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => return,
                }
            }
        }
    }

    /// Copies what has been printed until now: whatever a runtime printed before its answer
    /// stands in the log before what is written after it.
    pub(crate) fn catch_up(&self) {
        let mut inner = self.lock();
        let mut chunk = [0; CHUNK_BYTES];
        for Pipe { direct, .. } in &self.pipes {
            let mut direct: &File = direct;
            while let Ok(read @ 1..) = direct.read(&mut chunk) {
                inner.write(&chunk[..read]);
            }
        }
    }

    pub(crate) fn write(&self, text: &[u8]) {
        self.lock().write(text);
    }

    /// The last 4 KB since the last call: a request's tail holds nothing of the one before.
    pub(crate) fn take_tail(&self) -> String {
        let tail = std::mem::take(&mut self.lock().tail);
        String::from_utf8_lossy(&Vec::from(tail)).into_owned()
    }

    /// Bytes since the last call.
    pub(crate) fn take_bytes(&self) -> u64 {
        std::mem::take(&mut self.lock().bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while logging")
    }
}

impl Inner {
    fn write(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        self.tail.extend(text);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
    }
}
