//! A policy over a demand that has passed.

use serde::{Deserialize, Serialize};

use crate::economics::{Economics, NanoUsd};
use crate::step::{Observation, Reason, State, step};
use crate::timing::Timing;
use crate::world::{Simulation, Tick, Want};

/// Requests a second in each tick from a time on.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// Seconds since 1970 at which it begins.
    pub begins_s: i64,
    pub per_s: &'a [f64],
}

/// What a replay came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// With what the shifts are worth: what the optimum is compared by.
    pub cost: NanoUsd,
    /// Part of `cost`: what the shifts are worth.
    pub shift: NanoUsd,
    /// Part of `cost`: hours of the load balancer.
    pub lb: NanoUsd,
    /// Part of `cost`: tasks.
    pub tasks: NanoUsd,
    /// Moves of live traffic.
    pub shifts: u64,
    pub ticks: u64,
    /// Ticks with most requests at the function.
    pub at_function: u64,
    /// Ticks with most requests at the load balancer and no task.
    pub lb_only: u64,
    /// Task-ticks that served.
    pub served: u64,
    pub requests: f64,
    /// Of `requests`: reached the load balancer.
    pub at_lb: f64,
    /// Hours of the load balancer that began.
    pub lb_hours: u64,
    /// Task-ticks that were billed.
    pub billed: u64,
    /// Of `requests`: served by the function for the load balancer.
    pub spilled: f64,
    /// Of `requests`: beyond capacity where nothing spills.
    pub refused: f64,
}

impl Totals {
    /// Part of the requests that nothing could take, 0 to 1.
    pub fn refused_share(&self) -> f64 {
        if self.requests > 0.0 { self.refused / self.requests } else { 0.0 }
    }

    /// Adds a tick.
    pub fn add(&mut self, tick: &Tick, per_s: f64, tick_s: u32) {
        self.cost += tick.cost + tick.shift;
        self.shift += tick.shift;
        self.lb += tick.lb;
        self.tasks += tick.tasks;
        self.shifts += u64::from(tick.shifts);
        self.ticks += 1;
        self.at_function += u64::from(tick.share < 0.5);
        self.lb_only += u64::from(tick.share >= 0.5 && tick.serving == 0);
        self.served += u64::from(tick.serving);
        self.requests += per_s * f64::from(tick_s);
        self.at_lb += per_s * tick.share * f64::from(tick_s);
        self.lb_hours += u64::from(tick.lb > 0);
        self.billed += u64::from(tick.billed);
        self.spilled += tick.spilled_per_s * f64::from(tick_s);
        self.refused += tick.refused_per_s * f64::from(tick_s);
    }
}

/// Runs a policy over a demand from `start`; `each` sees every tick.
pub fn replay(
    state: &mut State,
    demand: Demand,
    economics: &Economics,
    timing: &Timing,
    start: &Simulation,
    mut each: impl FnMut(&Want, &Reason, &Tick),
) -> Totals {
    let mut world = start.clone();
    let mut totals = Totals::default();
    let mut last = None;
    for (tick, &per_s) in demand.per_s.iter().enumerate() {
        let seen = Observation {
            at_s: demand.begins_s + tick as i64 * i64::from(timing.tick_s),
            tick_s: timing.tick_s,
            per_s: last,
            world: world.clone(),
        };
        let (want, reason) = step(state, economics, timing, &seen);
        let passed = world.pass(want, per_s, state.spills(), economics, timing);
        each(&want, &reason, &passed);
        totals.add(&passed, per_s, timing.tick_s);
        last = Some(per_s);
    }
    totals
}

/// Passes a schedule, as an optimum's; `each` sees every tick.
pub fn pass_all(
    wants: &[Want],
    demand: Demand,
    economics: &Economics,
    timing: &Timing,
    start: &Simulation,
    mut each: impl FnMut(&Want, &Tick),
) -> Totals {
    let mut world = start.clone();
    let mut totals = Totals::default();
    for (want, &per_s) in wants.iter().zip(demand.per_s) {
        let passed = world.pass(*want, per_s, true, economics, timing);
        each(want, &passed);
        totals.add(&passed, per_s, timing.tick_s);
    }
    totals
}
