//! Linux: an alarm on a timer descriptor.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Clock;

/// Sleeps until an absolute time. tokio's own timer counts in milliseconds and the kernel's sleeps
/// carry 50 µs of slack; a timerfd has neither.
pub(crate) struct Alarm {
    clock: Clock,
    timer: AsyncFd<OwnedFd>,
    set_for_ns: Option<u64>,
}

impl Alarm {
    /// Needs a running tokio with its I/O driver.
    pub(crate) fn new(clock: Clock) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // SAFETY: an OwnedFd stays open, and the same file, until it is dropped with its AsyncFd.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
        let timer = timer.map_err(|failed| failed.into_parts().1)?;
        Ok(Self { clock, timer, set_for_ns: None })
    }

    /// Returns once `deadline_ns` after the clock's start has passed; at once if it has. May be
    /// cancelled and called again.
    pub(crate) async fn until(&mut self, deadline_ns: u64) -> io::Result<()> {
        while self.clock.now_ns() < deadline_ns {
            if self.set_for_ns != Some(deadline_ns) {
                self.set(deadline_ns)?;
            }
            let mut ready = self.timer.readable().await?;
            // Reading empties the timer; what it would tell, the clock tells too.
            let mut ticks = [0u8; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer, &mut ticks)?)) {
                Ok(Ok(_)) => self.set_for_ns = None,
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
        Ok(())
    }

    fn set(&mut self, deadline_ns: u64) -> io::Result<()> {
        let at_ns = self.clock.start_ns + deadline_ns;
        let at = Timespec {
            tv_sec: (at_ns / 1_000_000_000) as i64,
            tv_nsec: (at_ns % 1_000_000_000) as i64,
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        self.set_for_ns = Some(deadline_ns);
        Ok(())
    }
}
