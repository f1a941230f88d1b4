//! When calls are due.

use std::time::Duration;

use crate::Mode;

/// The calls of a run, in order of their intended times.
pub(crate) enum Arrivals {
    /// On a fixed schedule, whatever the answers do.
    Scheduled { rate_per_s: f64, calls: u64, taken: u64 },
    /// Whenever a lane is free.
    OnAnswer { left: u64, until_ns: u64 },
}

impl Arrivals {
    pub(crate) fn of(mode: &Mode) -> Self {
        match *mode {
            Mode::Open { rate_per_s, calls, .. } => Self::Scheduled { rate_per_s, calls, taken: 0 },
            Mode::Closed { calls, duration_ms, .. } => Self::OnAnswer {
                left: calls.unwrap_or(u64::MAX),
                until_ns: duration_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000)),
            },
            Mode::Probe { calls } => Self::OnAnswer { left: calls, until_ns: u64::MAX },
        }
    }

    /// Takes the next call if it is due, and returns its intended time since the start.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<u64> {
        match self {
            Self::Scheduled { rate_per_s, calls, taken } => {
                let due_ns = due_ns(*rate_per_s, *calls, *taken).filter(|due| *due <= now_ns)?;
                *taken += 1;
                Some(due_ns)
            }
            Self::OnAnswer { left, until_ns } => {
                if *left == 0 || now_ns >= *until_ns {
                    return None;
                }
                *left -= 1;
                Some(now_ns)
            }
        }
    }

    /// When the next scheduled call is due; none if there is none or calls follow answers.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        match *self {
            Self::Scheduled { rate_per_s, calls, taken } => due_ns(rate_per_s, calls, taken),
            Self::OnAnswer { .. } => None,
        }
    }

    pub(crate) fn are_scheduled(&self) -> bool {
        matches!(self, Self::Scheduled { .. })
    }

    /// How long a lane that found nobody listening rests. Without a schedule nothing else would
    /// hold it back, and refused connections take µs.
    pub(crate) fn rest_after_refusal(&self) -> Option<Duration> {
        (!self.are_scheduled()).then_some(Duration::from_millis(10))
    }
}

/// When call number `taken` (from 0) is due; from its number, so that rounding does not add up.
fn due_ns(rate_per_s: f64, calls: u64, taken: u64) -> Option<u64> {
    (taken < calls).then(|| (taken as f64 * 1e9 / rate_per_s) as u64)
}
