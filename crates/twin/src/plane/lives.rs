//! When a pool's members were begun and ended: what AWS bills.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The lives of all members a pool ever had.
#[derive(Default)]
pub(super) struct Lives(Mutex<LifeTimes>);

#[derive(Default)]
struct LifeTimes {
    begun: u64,
    running: BTreeMap<u64, Instant>,
    ended: Vec<Duration>,
}

impl Lives {
    /// The number of the next member.
    pub(super) fn next(&self) -> u64 {
        let mut kept = self.kept();
        kept.begun += 1;
        kept.begun
    }

    /// From now on it runs.
    pub(super) fn begin(&self, number: u64) {
        self.kept().running.insert(number, Instant::now());
    }

    /// It has ended.
    pub(super) fn end(&self, number: u64) {
        let mut kept = self.kept();
        if let Some(since) = kept.running.remove(&number) {
            kept.ended.push(since.elapsed());
        }
    }

    /// How long each has run, those that ended included.
    pub(super) fn ran(&self) -> Vec<Duration> {
        let kept = self.kept();
        let running = kept.running.values().map(Instant::elapsed);
        kept.ended.iter().copied().chain(running).collect()
    }

    fn kept(&self) -> MutexGuard<'_, LifeTimes> {
        self.0.lock().expect("no panic while held")
    }
}
