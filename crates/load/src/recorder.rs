//! Gathers samples into an outcome.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::clock::Clock;
use crate::host::Reading;
use crate::latency::Gauge;
use crate::outcome::{per_second, share};
use crate::{ErrorKind, Generator, MISSED_AFTER_US, Outcome, Sample, Schedule, Since};

/// Counts that are kept: 32 MB of them. Everything else that a recorder keeps is a histogram of fixed size,
/// or at most the job's `keep_samples` samples, so that a run of days needs no more memory than one
/// of minutes.
const MOST_COUNTS: usize = 4_000_000;

pub(crate) struct Recorder {
    keep_samples: usize,
    samples: Vec<Sample>,
    /// Chooses which samples are kept; results other than the choice do not depend on it.
    rng: StdRng,
    sent: u64,
    acknowledged: u64,
    errors: BTreeMap<ErrorKind, u64>,
    never_sent: u64,
    missed: u64,
    cold: u64,
    late: u64,
    counts: Vec<u64>,
    counts_left_out: u64,
    most_counts: usize,
    from_intended: Gauge,
    from_sent: Gauge,
    connect: Gauge,
    first_byte: Gauge,
    lateness: Gauge,
}

impl Recorder {
    pub(crate) fn new(keep_samples: usize) -> Self {
        Self {
            keep_samples,
            samples: Vec::new(),
            rng: StdRng::seed_from_u64(0),
            sent: 0,
            acknowledged: 0,
            errors: BTreeMap::new(),
            never_sent: 0,
            missed: 0,
            cold: 0,
            late: 0,
            counts: Vec::new(),
            counts_left_out: 0,
            most_counts: MOST_COUNTS,
            from_intended: Gauge::new(),
            from_sent: Gauge::new(),
            connect: Gauge::new(),
            first_byte: Gauge::new(),
            lateness: Gauge::new(),
        }
    }

    /// Calls that are over, sent or not.
    pub(crate) fn finished(&self) -> u64 {
        self.sent + self.never_sent
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        self.sent += 1;
        self.lateness.record(sample.lateness_us());
        self.missed += u64::from(sample.lateness_us() > MISSED_AFTER_US);
        if let Some(us) = sample.connect_us {
            self.connect.record(us);
        }
        match sample.error {
            Some(kind) => *self.errors.entry(kind).or_default() += 1,
            None => self.acknowledge(&sample),
        }
        self.keep(sample);
    }

    /// A call that was given up before it was begun.
    pub(crate) fn never_sent(&mut self, late_us: u64) {
        self.never_sent += 1;
        self.missed += 1;
        self.lateness.record(late_us);
    }

    fn acknowledge(&mut self, sample: &Sample) {
        self.acknowledged += 1;
        self.from_intended.record(sample.latency_us(Since::Intended));
        self.from_sent.record(sample.latency_us(Since::Sent));
        if let Some(us) = sample.first_byte_us {
            self.first_byte.record(us);
        }
        self.cold += u64::from(sample.timing.cold);
        self.late += u64::from(sample.has_late_part());
        if let Some(count) = sample.count {
            match self.counts.len() < self.most_counts {
                true => self.counts.push(count),
                false => self.counts_left_out += 1,
            }
        }
    }

    /// Reservoir sampling: every sample so far is kept with the same probability.
    fn keep(&mut self, sample: Sample) {
        if self.samples.len() < self.keep_samples {
            self.samples.push(sample);
            return;
        }
        let place = self.rng.gen_range(0..self.sent);
        if let Some(kept) = usize::try_from(place).ok().and_then(|at| self.samples.get_mut(at)) {
            *kept = sample;
        }
    }

    /// `rate_per_s` is the schedule's, in open loop.
    pub(crate) fn finish(
        mut self,
        clock: Clock,
        (before, after): (&Reading, &Reading),
        rate_per_s: Option<f64>,
    ) -> Outcome {
        let wall_us = clock.now_us();
        let cpu_s = after.cpu_s_since(before);
        let planned = self.finished();
        let schedule = rate_per_s.map(|rate_per_s| Schedule {
            rate_per_s,
            planned,
            missed: self.missed,
            missed_share: share(self.missed, planned),
            lateness: self.lateness.latency(),
        });
        self.samples.sort_by_key(|sample| sample.intended_us);
        Outcome {
            started_us: clock.started_us(),
            wall_us,
            sent: self.sent,
            acknowledged: self.acknowledged,
            unacknowledged: self.sent - self.acknowledged,
            errors: self.errors,
            untrusted: None,
            never_sent: self.never_sent,
            throughput_per_s: per_second(self.acknowledged, wall_us),
            schedule,
            from_intended: self.from_intended.latency(),
            from_sent: self.from_sent.latency(),
            connect: self.connect.latency(),
            first_byte: self.first_byte.latency(),
            cold: self.cold,
            late: self.late,
            generator: Generator {
                workers: 1,
                cpu_s,
                core_share: cpu_s * 1e6 / wall_us.max(1) as f64,
            },
            steal_share: after.steal_share_since(before),
            counts: self.counts,
            counts_left_out: self.counts_left_out,
            samples: self.samples,
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
