//! The monotonic clock and a timer that keeps it to well below a millisecond.

use rustix::time::{ClockId, clock_gettime};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod timerfd;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::Alarm;
#[cfg(target_os = "linux")]
pub(crate) use timerfd::Alarm;

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
