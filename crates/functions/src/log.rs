//! What an environment prints.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The tail AWS hands out with `LogType: Tail`, bytes (Lambda API reference, Invoke).
const TAIL_BYTES: usize = 4096;

/// The last of what was printed, and how much there was in all.
#[derive(Default)]
pub(crate) struct Log(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Log {
    pub(crate) fn write(&self, text: &[u8]) {
        let mut inner = self.0.lock().expect("no panic while logging");
        inner.bytes += text.len() as u64;
        inner.tail.extend(text);
        let excess = inner.tail.len().saturating_sub(TAIL_BYTES);
        inner.tail.drain(..excess);
    }

    /// The last 4 KB since the last call: a request's tail holds nothing of the one before.
    pub(crate) fn take_tail(&self) -> String {
        let tail = std::mem::take(&mut self.0.lock().expect("no panic while logging").tail);
        String::from_utf8_lossy(&Vec::from(tail)).into_owned()
    }

    /// Bytes since the last call.
    pub(crate) fn take_bytes(&self) -> u64 {
        std::mem::take(&mut self.0.lock().expect("no panic while logging").bytes)
    }

    /// Copies a pipe until its end.
    pub(crate) async fn drain(&self, mut pipe: impl AsyncRead + Unpin) {
        let mut buffer = [0; 8192];
        while let Ok(read) = pipe.read(&mut buffer).await {
            if read == 0 {
                return;
            }
            self.write(&buffer[..read]);
        }
    }
}
