//! When calls are due.

use std::time::Duration;

use crate::{Mode, Stage};

/// The calls of a run, or of one thread's part of it, in order of their intended times.
pub(crate) enum Arrivals {
    /// On a schedule, whatever the answers do.
    Scheduled { pace: Pace, calls: u64, next: u64, step: u64 },
    /// Whenever a caller is free.
    OnAnswer { left: u64, until_ns: u64 },
}

/// One of so many equal parts of a run, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl Part {
    pub(crate) const WHOLE: Self = Self { index: 0, of: 1 };

    /// This part's share of a number of things; all shares together are the number.
    pub(crate) fn share(self, whole: u64) -> u64 {
        whole / self.of + u64::from(self.index < whole % self.of)
    }
}

impl Arrivals {
    /// Of a part: of a schedule every so-many-th call, and its share of calls that follow answers.
    pub(crate) fn of(mode: &Mode, part: Part) -> Self {
        match mode {
            Mode::Open { .. } | Mode::Staged { .. } => {
                let (pace, calls) = Pace::of(mode).expect("it has a schedule");
                Self::Scheduled { pace, calls, next: part.index, step: part.of }
            }
            Mode::Closed { calls, duration_ms, .. } => Self::OnAnswer {
                left: calls.map_or(u64::MAX, |calls| part.share(calls)),
                until_ns: duration_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000)),
            },
            Mode::Probe { calls } => Self::OnAnswer { left: *calls, until_ns: u64::MAX },
        }
    }

    /// Takes the next call if it is due, and returns its intended time since the start.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<u64> {
        match self {
            Self::Scheduled { next, step, .. } => {
                let (taken, step) = (*next, *step);
                let due_ns = self.next_ns().filter(|due| *due <= now_ns)?;
                if let Self::Scheduled { next, .. } = self {
                    *next = taken + step;
                }
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
        match self {
            Self::Scheduled { pace, calls, next, .. } => (next < calls).then(|| pace.due_ns(*next)),
            Self::OnAnswer { .. } => None,
        }
    }

    pub(crate) fn are_scheduled(&self) -> bool {
        matches!(self, Self::Scheduled { .. })
    }

    /// How long a caller that found nobody listening rests. Without a schedule nothing else would
    /// hold it back, and refused connections take µs.
    pub(crate) fn rest_after_refusal(&self) -> Option<Duration> {
        (!self.are_scheduled()).then_some(Duration::from_millis(10))
    }
}

/// How fast calls arrive. A call is due when as many as its number, from 0, have arrived before it; that
/// is computed from its number, so that rounding does not add up.
pub(crate) enum Pace {
    Fixed { per_s: f64 },
    Staged(Vec<Segment>),
}

/// A stretch of time over which the rate changes evenly.
pub(crate) struct Segment {
    /// When it begins, s, and how many calls have arrived by then.
    from_s: f64,
    arrived: f64,
    seconds: f64,
    from_per_s: f64,
    to_per_s: f64,
}

impl Segment {
    /// Calls that arrive within it: the area below its rate.
    fn calls(&self) -> f64 {
        (self.from_per_s + self.to_per_s) / 2.0 * self.seconds
    }

    /// Seconds from its beginning until this many have arrived in it: the positive solution of
    /// `a·t² + b·t = calls`, in the form that loses no digits where `a` is near zero.
    fn seconds_until(&self, calls: f64) -> f64 {
        if calls <= 0.0 {
            return 0.0;
        }
        let a = (self.to_per_s - self.from_per_s) / (2.0 * self.seconds);
        let b = self.from_per_s;
        let root = (b * b + 4.0 * a * calls).max(0.0).sqrt();
        (2.0 * calls / (b + root)).min(self.seconds)
    }
}

impl Pace {
    /// The pace of a mode that has a schedule, and how many calls it has.
    pub(crate) fn of(mode: &Mode) -> Option<(Self, u64)> {
        match mode {
            Mode::Open { rate_per_s, calls, .. } => {
                Some((Self::Fixed { per_s: *rate_per_s }, *calls))
            }
            Mode::Staged { from_per_s, stages, .. } => Some(Self::staged(*from_per_s, stages)),
            Mode::Closed { .. } | Mode::Probe { .. } => None,
        }
    }

    fn staged(from_per_s: f64, stages: &[Stage]) -> (Self, u64) {
        let (mut from_s, mut arrived, mut rate) = (0.0, 0.0, from_per_s);
        let mut segments = Vec::new();
        for stage in stages {
            let seconds = stage.duration_ms as f64 / 1e3;
            let segment =
                Segment { from_s, arrived, seconds, from_per_s: rate, to_per_s: stage.to_per_s };
            from_s += seconds;
            arrived += segment.calls();
            rate = stage.to_per_s;
            segments.push(segment);
        }
        // The last call is due before the end; what rounding leaves of a call is none.
        (Self::Staged(segments), (arrived - 1e-9).ceil().max(0.0) as u64)
    }

    fn due_ns(&self, number: u64) -> u64 {
        match self {
            Self::Fixed { per_s } => (number as f64 * 1e9 / per_s) as u64,
            Self::Staged(segments) => {
                let number = number as f64;
                let of = segments
                    .iter()
                    .rev()
                    .find(|segment| segment.arrived <= number && segment.calls() > 0.0);
                let of = of.or(segments.first()).expect("there is at least one stage");
                ((of.from_s + of.seconds_until(number - of.arrived)) * 1e9) as u64
            }
        }
    }

    /// The mean rate of a whole schedule, calls a second.
    pub(crate) fn mean_per_s(mode: &Mode) -> Option<f64> {
        match mode {
            Mode::Open { rate_per_s, .. } => Some(*rate_per_s),
            Mode::Staged { from_per_s, stages, .. } => {
                let (Self::Staged(segments), _) = Self::staged(*from_per_s, stages) else {
                    return None;
                };
                let last = segments.last()?;
                Some((last.arrived + last.calls()) / (last.from_s + last.seconds))
            }
            Mode::Closed { .. } | Mode::Probe { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
