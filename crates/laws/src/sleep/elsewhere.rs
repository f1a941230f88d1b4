//! Other systems have no timer descriptors: tokio's timer for most of a wait, looking at the clock
//! for its end. How late that is there has not been measured.

use std::io;
use std::time::{Duration, Instant};

/// Tokio's timer is late by up to 1 ms and whatever the system takes to wake a thread.
const AWAKE: Duration = Duration::from_micros(1500);

/// A timer that can be used again and again, by one task at a time. It keeps a core busy for the
/// last 0.5 to 1.5 ms of a wait, giving way to the runtime's other tasks.
#[derive(Debug)]
pub struct PreciseTimer(());

impl PreciseTimer {
    /// A new timer; never fails on this system.
    pub fn new() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Waits until `deadline`; returns at once when it has passed.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub async fn wait_until(&mut self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            match left.saturating_sub(AWAKE) {
                Duration::ZERO => tokio::task::yield_now().await,
                early => tokio::time::sleep(early).await,
            }
        }
    }
}
