//! What many callers at once were told, held against the store itself.
#![allow(dead_code)]

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gearshift_gear::{FaultPlan, Program};
use gearshift_load::{CountCheck, Outcome};

use super::callers::count_at_once;
use super::raw::{Table, send};
use super::standing::Standing;

/// Processes that call at once where the invariant is to hold.
pub const CALLERS: usize = 64;
/// The function answers this where the store gave it no count.
const STORE_FAILED: u16 = 503;
pub const NONE: FaultPlan =
    FaultPlan { applied_then_500: 0, not_applied_500: 0, throttle: 0, reset: 0 };
/// The item the function counts in.
pub const COUNTED: u32 = 0;
/// Environments that are started at once: interpreters share one core, and each has 10 s.
const WAVE: usize = 16;
const HELD: Duration = Duration::from_secs(2);

/// What all callers were told, and the counter before and after, read from the table itself.
pub struct Counted {
    pub outcome: Outcome,
    pub before: u64,
    pub after: u64,
}

impl Counted {
    /// And at least this share of the calls was answered well, in tenths.
    pub fn holds(&self, good_tenths: u64) {
        self.answers_well(good_tenths);
        assert!(self.store_failures() > 0, "no fault was put in: {self:?}");
        let check = self.check();
        assert_eq!(check.reasons(), Vec::<String>::new(), "{check:?}");
    }

    pub fn answers_well(&self, good_tenths: u64) {
        let Outcome { sent, acknowledged, .. } = self.outcome;
        assert!(acknowledged * 10 >= sent * good_tenths, "too few good answers: {self:?}");
    }

    /// The invariant does not hold, and the check says so in both ways.
    pub fn goes_red(&self) {
        self.answers_well(6);
        let check = self.check();
        assert!(!check.holds(), "not noticed: {check:?}");
        assert!(check.duplicates > 0, "no count was returned twice: {check:?}");
        let counted_by = self.after - self.before;
        assert!(counted_by < check.acknowledged, "no acknowledged count was lost: {check:?}");
    }

    pub fn check(&self) -> CountCheck {
        self.outcome.count_check_between(self.before, self.after)
    }

    /// Calls that failed in the store, and not for another reason.
    pub fn store_failures(&self) -> u64 {
        let samples = &self.outcome.samples;
        samples.iter().filter(|sample| sample.status == Some(STORE_FAILED)).count() as u64
    }

    /// Calls that were counted though their callers were not told.
    pub fn applied_unacknowledged(&self) -> u64 {
        self.after - self.before - self.outcome.acknowledged
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted")
            .field("acknowledged", &self.outcome.acknowledged)
            .field("unacknowledged", &self.outcome.unacknowledged)
            .field("errors", &self.outcome.errors)
            .field("cold", &self.outcome.cold)
            .field("longest_ms", &(self.outcome.from_sent.max_us / 1000))
            .field("store_failures", &self.store_failures())
            .field("before", &self.before)
            .field("after", &self.after)
            .finish()
    }
}

/// A row, and the promise that no other test of this file makes that many environments meanwhile.
pub struct Alone {
    pub row: Standing,
    _turn: MutexGuard<'static, ()>,
}

impl Alone {
    pub fn with(row: &str, function: Program) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self { row: Standing::up(row, function), _turn: turn }
    }

    /// Starts as many environments as there will be callers, a few at a time.
    pub fn warmed(self, callers: usize) -> Self {
        let url = format!("{}/sleep/{}", self.row.url, HELD.as_millis());
        for wave in 1..=callers / WAVE {
            std::thread::scope(|scope| {
                let calls: Vec<_> = (0..wave * WAVE)
                    .map(|_| scope.spawn(|| send("GET", &url, &[], "").expect("an answer").status))
                    .collect();
                for call in calls {
                    assert_eq!(call.join().expect("a caller"), 200);
                }
            });
        }
        self
    }

    pub fn table(&self) -> Table<'_> {
        Table { url: &self.row.endpoints["table"], credentials: self.row.credentials() }
    }

    /// The count as it lies in the store.
    pub fn stored(&self) -> u64 {
        match self.row.endpoints.contains_key("table") {
            true => self.table().hits(COUNTED),
            false => {
                super::objects::count_in(&self.row.endpoints["objects"], self.row.credentials())
            }
        }
    }

    /// Has this many processes count at once, so often each, under these faults.
    pub fn count_under(&self, plan: FaultPlan, callers: usize, calls_each: u64) -> Counted {
        let before = self.stored();
        self.row.arrange(plan);
        let outcome = count_at_once(&self.row.url, callers, calls_each);
        self.row.arrange(NONE);
        Counted { outcome, before, after: self.stored() }
    }
}
