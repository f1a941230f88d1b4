//! Linux: a timer descriptor, exact to tens of microseconds without burning CPU.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer that can be used again and again, by one task at a time. It belongs to the tokio
/// runtime it was made in.
#[derive(Debug)]
pub struct PreciseTimer {
    descriptor: AsyncFd<OwnedFd>,
}

impl PreciseTimer {
    /// A new timer; fails where no file descriptor is left.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // SAFETY: an `OwnedFd` is an open descriptor, and it is neither replaced nor closed while
        // the `AsyncFd` owns it.
        let descriptor =
            unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { descriptor })
    }

    /// Waits until `deadline`; returns at once when it has passed.
    pub async fn wait_until(&mut self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.arm(left)?;
            let mut ready = self.descriptor.readable().await?;
            let mut expirations = [0u8; 8];
            match rustix::io::read(self.descriptor.get_ref(), &mut expirations) {
                // Readiness left over from an earlier, abandoned wait: look at the clock again.
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
                Ok(_) => ready.clear_ready(),
            }
        }
    }

    fn arm(&self, left: Duration) -> io::Result<()> {
        let value = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(self.descriptor.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
