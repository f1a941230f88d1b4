//! Other systems have no timer descriptors: tokio's timer for most of a wait, looking at the clock
//! for its end. How late that is there has not been measured; `Schedule` tells for each run.

use std::io;
use std::time::Duration;

use super::Clock;

/// Tokio's timer is late by up to 1 ms and whatever the system takes to wake a thread.
const AWAKE: Duration = Duration::from_micros(1500);

/// Sleeps until an absolute time. It keeps a core busy for the last 0.5 to 1.5 ms, giving way to the
/// runtime's other tasks.
pub(crate) struct Alarm {
    clock: Clock,
}

impl Alarm {
    /// Needs a running tokio with its timer.
    pub(crate) fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self { clock })
    }

    /// Returns once `deadline_ns` after the clock's start has passed; at once if it has. May be
    /// cancelled and called again.
    pub(crate) async fn until(&mut self, deadline_ns: u64) -> io::Result<()> {
        loop {
            let left_ns = deadline_ns.saturating_sub(self.clock.now_ns());
            if left_ns == 0 {
                return Ok(());
            }
            match Duration::from_nanos(left_ns).saturating_sub(AWAKE) {
                Duration::ZERO => tokio::task::yield_now().await,
                early => tokio::time::sleep(early).await,
            }
        }
    }
}
