//! What a run came to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CountCheck, ErrorKind, Latency, Sample, Untrusted};

/// A call begun later than this after its intended time has missed the schedule.
///
/// 1 ms, not a share of the interval: lateness goes straight into latency from the intended time,
/// and 1 ms is the last step a table in ms shows. A tenth of the interval would let calls at 10/s
/// be 10 ms late, and at 10,000/s ask for 10 µs, which no timer of the kernel keeps.
pub const MISSED_AFTER_US: u64 = 1_000;

/// What one run came to, on one worker or, merged, on several of one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// On the machine's monotonic clock, in µs; what the samples' times count from.
    pub started_us: u64,
    /// From the start until the last call had ended.
    pub wall_us: u64,
    /// Calls begun: acknowledged + unacknowledged.
    pub sent: u64,
    /// Calls with a good answer.
    pub acknowledged: u64,
    /// Calls that failed; the service may have acted on them.
    pub unacknowledged: u64,
    /// Unacknowledged calls by kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// The first certificate that was not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<Untrusted>,
    /// Open loop: calls given up before they were begun, since no connection came free within the
    /// timeout. The service cannot have seen them.
    pub never_sent: u64,
    /// Acknowledged calls per second of wall time.
    pub throughput_per_s: f64,
    /// Open loop only.
    pub schedule: Option<Schedule>,
    /// Acknowledged calls, from the intended send time.
    pub from_intended: Latency,
    /// Acknowledged calls, from the real send time.
    pub from_sent: Latency,
    /// Connections opened, by acknowledged calls and others.
    pub connect: Latency,
    /// Acknowledged calls, from the real send time.
    pub first_byte: Latency,
    /// Acknowledged calls that said they began their environment's life.
    pub cold: u64,
    /// Acknowledged calls in which a law took longer than drawn.
    pub late: u64,
    pub generator: Generator,
    /// Share of the machine's CPU time that its host gave to others meanwhile, 0 to 1; none where
    /// the kernel does not tell.
    pub steal_share: Option<f64>,
    /// Every count returned, in order of arrival; of a worker at most the first 4,000,000.
    pub counts: Vec<u64>,
    /// Counts beyond those: how many there were is checked, which they were is not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counts_left_out: u64,
    /// In order of intended time; at most the job's `keep_samples` per worker.
    pub samples: Vec<Sample>,
}

/// How well an open loop kept its schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    pub rate_per_s: f64,
    /// Calls scheduled.
    pub planned: u64,
    /// Calls begun more than [`MISSED_AFTER_US`] late, or never.
    pub missed: u64,
    /// `missed` / `planned`, 0 to 1.
    pub missed_share: f64,
    /// How late calls were begun: the timer's error, and waiting for a connection.
    pub lateness: Latency,
}

/// What the generator itself used. Of the whole process: run nothing else beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    pub workers: u64,
    /// User and system time of all workers.
    pub cpu_s: f64,
    /// CPU time per wall time of the busiest worker; 1 is a whole core.
    pub core_share: f64,
}

impl Outcome {
    /// The counter invariant over this outcome's counts.
    pub fn count_check(&self) -> CountCheck {
        CountCheck::over(&self.counts, self.unacknowledged).with_left_out(self.counts_left_out)
    }

    /// [`Self::count_check`] with the counter read before and after.
    pub fn count_check_between(&self, before: u64, after: u64) -> CountCheck {
        self.count_check().between(&self.counts, before, after)
    }

    /// Merges the outcomes of workers that ran beside each other on one machine; none of none.
    /// Rates add up, times begin with the earliest worker, shares are of the worst.
    pub fn merge(outcomes: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut merged = outcomes.into_iter().reduce(Self::with)?;
        merged.samples.sort_by_key(|sample| sample.intended_us);
        Some(merged)
    }

    fn with(mut self, mut other: Self) -> Self {
        self.steal_share = self.steal_share_with(&other);
        let ended_us = (self.started_us + self.wall_us).max(other.started_us + other.wall_us);
        let started_us = self.started_us.min(other.started_us);
        self.rebase(started_us);
        other.rebase(started_us);
        self.wall_us = ended_us - started_us;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.unacknowledged += other.unacknowledged;
        for (kind, n) in other.errors {
            *self.errors.entry(kind).or_default() += n;
        }
        self.untrusted = self.untrusted.or(other.untrusted);
        self.never_sent += other.never_sent;
        self.throughput_per_s = per_second(self.acknowledged, self.wall_us);
        self.schedule = match (self.schedule.take(), other.schedule) {
            (Some(one), Some(two)) => Some(one.with(&two)),
            (one, two) => one.or(two),
        };
        self.from_intended.merge(&other.from_intended);
        self.from_sent.merge(&other.from_sent);
        self.connect.merge(&other.connect);
        self.first_byte.merge(&other.first_byte);
        self.cold += other.cold;
        self.late += other.late;
        self.generator.workers += other.generator.workers;
        self.generator.cpu_s += other.generator.cpu_s;
        self.generator.core_share = self.generator.core_share.max(other.generator.core_share);
        self.counts.append(&mut other.counts);
        self.counts_left_out += other.counts_left_out;
        self.samples.append(&mut other.samples);
        self
    }

    /// The longer of two has more weight: within a short one, a single tick is a large share.
    fn steal_share_with(&self, other: &Self) -> Option<f64> {
        let (Some(one), Some(two)) = (self.steal_share, other.steal_share) else {
            return self.steal_share.or(other.steal_share);
        };
        let (one_us, two_us) = (self.wall_us.max(1) as f64, other.wall_us.max(1) as f64);
        Some((one * one_us + two * two_us) / (one_us + two_us))
    }

    /// Makes the samples' times count from an earlier start.
    fn rebase(&mut self, started_us: u64) {
        let earlier_us = self.started_us - started_us;
        for sample in &mut self.samples {
            sample.intended_us += earlier_us;
            sample.sent_us += earlier_us;
        }
        self.started_us = started_us;
    }
}

impl Schedule {
    fn with(mut self, other: &Self) -> Self {
        self.rate_per_s += other.rate_per_s;
        self.planned += other.planned;
        self.missed += other.missed;
        self.missed_share = share(self.missed, self.planned);
        self.lateness.merge(&other.lateness);
        self
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

pub(crate) fn per_second(n: u64, us: u64) -> f64 {
    if us == 0 { 0.0 } else { n as f64 * 1e6 / us as f64 }
}

pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
