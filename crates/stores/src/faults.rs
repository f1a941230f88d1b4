//! Faults put in on purpose.

use std::sync::Mutex;

use gearshift_gear::FaultPlan;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::StoreError;

/// What one request suffers. For a file store see [`FaultPlan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Done, then answered with status 500, the provider's own failure.
    AppliedThen500,
    /// Not done, answered with the same 500.
    NotApplied500,
    /// Not done, refused as throttled: DynamoDB's 400 `ThrottlingException`, S3's 503 `SlowDown`.
    Throttle,
    /// Done, then the connection is reset without an answer.
    Reset,
}

impl Fault {
    /// Whether the request takes effect in spite of the fault.
    pub fn applies(self) -> bool {
        matches!(self, Self::AppliedThen500 | Self::Reset)
    }
}

/// Faults put in so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    pub applied_then_500: u64,
    pub not_applied_500: u64,
    pub throttle: u64,
    pub reset: u64,
}

impl FaultCounts {
    /// All kinds together.
    pub fn total(&self) -> u64 {
        self.applied_then_500 + self.not_applied_500 + self.throttle + self.reset
    }
}

/// Draws faults by the plan in force and counts them.
pub(crate) struct Injector {
    state: Mutex<State>,
}

struct State {
    plan: FaultPlan,
    rng: StdRng,
    counts: FaultCounts,
}

impl Injector {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        let state = State { plan: FaultPlan::default(), rng, counts: FaultCounts::default() };
        Self { state: Mutex::new(state) }
    }

    pub(crate) fn set(&self, plan: FaultPlan) -> Result<(), StoreError> {
        let shares = [plan.applied_then_500, plan.not_applied_500, plan.throttle, plan.reset];
        let total = shares.into_iter().map(u64::from).sum();
        if total > 1000 {
            return Err(StoreError::TooManyFaults { total });
        }
        tracing::debug!(?plan, "another fault plan is in force");
        self.lock().plan = plan;
        Ok(())
    }

    pub(crate) fn counts(&self) -> FaultCounts {
        self.lock().counts
    }

    /// What the next request suffers.
    pub(crate) fn draw(&self) -> Option<Fault> {
        self.draw_of(|_| true)
    }

    /// What the next request suffers, of the faults there are for its kind; others pass it by.
    pub(crate) fn draw_of(&self, is_one: impl Fn(Fault) -> bool) -> Option<Fault> {
        let mut state = self.lock();
        let plan = state.plan;
        if plan == FaultPlan::default() {
            return None;
        }
        let mut drawn: u32 = state.rng.gen_range(0..1000);
        for (share, fault) in [
            (plan.applied_then_500, Fault::AppliedThen500),
            (plan.not_applied_500, Fault::NotApplied500),
            (plan.throttle, Fault::Throttle),
            (plan.reset, Fault::Reset),
        ] {
            if drawn < share {
                let put_in = is_one(fault).then_some(fault);
                put_in.into_iter().for_each(|fault| state.counts.add(fault));
                return put_in;
            }
            drawn -= share;
        }
        None
    }

    /// A whole number below `bound`, which is 1 or more.
    #[cfg(target_os = "linux")]
    pub(crate) fn below(&self, bound: usize) -> usize {
        self.lock().rng.gen_range(0..bound)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl FaultCounts {
    fn add(&mut self, fault: Fault) {
        let count = match fault {
            Fault::AppliedThen500 => &mut self.applied_then_500,
            Fault::NotApplied500 => &mut self.not_applied_500,
            Fault::Throttle => &mut self.throttle,
            Fault::Reset => &mut self.reset,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_as_often_as_planned_and_are_counted() {
        let injector = Injector::new(42);
        let plan = FaultPlan { applied_then_500: 50, not_applied_500: 0, throttle: 200, reset: 10 };
        injector.set(plan).unwrap();
        let drawn: Vec<_> = (0..20_000).filter_map(|_| injector.draw()).collect();
        let count = |fault| drawn.iter().filter(|other| **other == fault).count() as u64;
        let counts = injector.counts();
        assert_eq!(counts.applied_then_500, count(Fault::AppliedThen500));
        assert_eq!(counts.throttle, count(Fault::Throttle));
        assert_eq!(counts.reset, count(Fault::Reset));
        assert_eq!(counts.total(), drawn.len() as u64);
        assert_eq!(counts.not_applied_500, 0);
        // Ten standard deviations wide: it fails for a wrong share, not for a seed.
        assert!((700..1300).contains(&counts.applied_then_500), "{counts:?}");
        assert!((3430..4570).contains(&counts.throttle), "{counts:?}");
        assert!((60..350).contains(&counts.reset), "{counts:?}");
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let draws = |seed| {
            let injector = Injector::new(seed);
            injector.set(FaultPlan { throttle: 500, ..FaultPlan::default() }).unwrap();
            (0..64).map(|_| injector.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn without_a_plan_there_are_none_and_more_than_all_is_refused() {
        let injector = Injector::new(1);
        assert!((0..100).all(|_| injector.draw().is_none()));
        let plan = FaultPlan { throttle: 600, reset: 401, ..FaultPlan::default() };
        let refused = injector.set(plan).unwrap_err().to_string();
        assert!(refused.contains("1001 per thousand"), "{refused}");
        injector.set(FaultPlan { throttle: 1000, ..FaultPlan::default() }).unwrap();
        assert!((0..100).all(|_| injector.draw() == Some(Fault::Throttle)));
    }
}
