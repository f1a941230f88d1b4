//! The monotonic clock and a timer that keeps it to well below a millisecond.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Nanoseconds on `CLOCK_MONOTONIC`, which all processes of a machine share.
fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Time since a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start_ns: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start_ns: monotonic_ns() }
    }

    /// The start itself, in µs of the machine's clock.
    pub(crate) fn started_us(self) -> u64 {
        self.start_ns / 1_000
    }

    pub(crate) fn now_ns(self) -> u64 {
        monotonic_ns() - self.start_ns
    }

    pub(crate) fn now_us(self) -> u64 {
        self.now_ns() / 1_000
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// With a timer in whole milliseconds the median would be about half a millisecond or more.
    /// One good round is enough, since the machine may be busy with something else.
    #[tokio::test]
    async fn sleeps_end_well_within_a_millisecond_and_never_early() {
        let mut medians_ns = Vec::new();
        while !medians_ns.iter().any(|ns| *ns < 250_000) {
            assert!(medians_ns.len() < 40, "late by, in ns: {medians_ns:?}");
            let clock = Clock::start();
            let mut alarm = Alarm::new(clock).unwrap();
            let mut late_ns = Vec::new();
            for i in 1..=60 {
                let deadline_ns = i * 1_300_000;
                alarm.until(deadline_ns).await.unwrap();
                late_ns.push(clock.now_ns().checked_sub(deadline_ns).expect("never early"));
            }
            late_ns.sort_unstable();
            medians_ns.push(late_ns[late_ns.len() / 2]);
        }
    }

    #[tokio::test]
    async fn a_cancelled_sleep_does_not_disturb_the_next() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock).unwrap();
        tokio::select! {
            biased;
            rung = alarm.until(60_000_000_000) => rung.unwrap(),
            () = tokio::time::sleep(std::time::Duration::from_millis(2)) => {}
        }
        let deadline_ns = clock.now_ns() + 3_000_000;
        alarm.until(deadline_ns).await.unwrap();
        assert!((deadline_ns..deadline_ns + 10_000_000_000).contains(&clock.now_ns()));
    }
}
