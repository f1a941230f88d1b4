//! The default policy.
//!
//! A load balancer is bought by the hour, so the question is only ever whether the next hour pays:
//! before one is bought, and just before the paid one ends. In between, turning back to the
//! function saves nothing, and coming back to a load balancer that is paid for costs nothing.
//!
//! How much must be seen before an hour is bought is a matter of temper. A few planners of
//! different patience run side by side through the same world as the real one, and the one that
//! has been cheapest is followed.

use serde::{Deserialize, Serialize};

use crate::economics::{Economics, NanoUsd, requests};
use crate::policies::tasks::Tasks;
use crate::step::{Observation, Reason};
use crate::timing::Timing;
use crate::world::{Simulation, Stage, Want};

/// Patience with buying an hour, in shares of lazy provisioning's, and whether hours are renewed
/// whatever they bring. The first begins; patience without end never leaves the function.
const PLANNERS: [(f64, bool); 5] =
    [(0.25, false), (0.0, false), (1.0, false), (0.25, true), (f64::MAX, false)];

/// An hour is bought on what the last eighth of one brought, renewed on what the last quarter did.
/// From a fifteenth to a whole hour the suite hardly tells them apart.
const BUYS_ON: f64 = 8.0;
const RENEWS_ON: f64 = 4.0;

/// As many ticks in a row must pay for an hour, as AWS's scaling alarms want of their data points:
/// one loud minute says nothing about an hour.
const IN_A_ROW: usize = 3;

/// Costs of long ago count less: by 1/e in a week.
const REMEMBERED_S: f64 = 7.0 * 86_400.0;

/// Above this share of what the function can take, cost no longer decides.
const FUNCTION_FULL: f64 = 0.8;

/// The default policy: planners over hours, and over tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flex {
    tasks: Tasks,
    /// What the load balancer with its tasks would have saved in the last ticks, without its
    /// hours, in billionths of a dollar a tick; the latest first.
    gains: [f64; IN_A_ROW],
    bought_on: f64,
    renewed_on: f64,
    planners: Vec<Planner>,
    leader: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Planner {
    patience: f64,
    renews: bool,
    /// At the load balancer, or on the way there.
    high: bool,
    /// What has been lost by staying in this gear, in billionths of a dollar; never below zero.
    lost: f64,
    world: Simulation,
    costs: f64,
}

/// What an hour costs and how much of it serves.
struct Hour {
    ticks: f64,
    costs: f64,
    /// Moving there and back, in ticks that are billed and do not serve.
    idle_up: f64,
    idle_down: f64,
    /// What shifting there and back is worth.
    shifts: f64,
}

impl Hour {
    fn new(economics: &Economics, timing: &Timing) -> Self {
        Self {
            ticks: f64::from(timing.hour_ticks),
            costs: economics.lb_hour as f64,
            idle_up: f64::from(timing.lb_ticks) + timing.ramp_up.len() as f64 - 1.0,
            idle_down: timing.ramp_down.len() as f64,
            shifts: 2.0 * economics.shift as f64,
        }
    }

    /// What must have been lost before lazy provisioning moves: the time that does not serve, on
    /// average half an hour that is paid for and not used, and both shifts.
    fn move_costs(&self) -> f64 {
        self.costs * ((self.idle_up + self.idle_down) / self.ticks + 0.5) + self.shifts
    }

    /// Whether an hour from now on pays at this gain a tick. What shifts are worth is no matter of
    /// one hour: it is weighed against what staying has lost.
    fn pays(&self, gain: f64) -> bool {
        gain * (self.ticks - self.idle_up - self.idle_down) > self.costs
    }
}

impl Flex {
    /// Begins at the function.
    pub fn new() -> Self {
        Self::of(&PLANNERS)
    }

    /// One planner alone, that buys an hour as soon as one pays.
    pub fn planner() -> Self {
        Self::of(&[(0.0, false)])
    }

    fn of(planners: &[(f64, bool)]) -> Self {
        let planner = |&(patience, renews): &(f64, bool)| Planner {
            patience,
            renews,
            high: false,
            lost: 0.0,
            world: Simulation::function(),
            costs: 0.0,
        };
        Self {
            tasks: Tasks::new(),
            gains: [0.0; IN_A_ROW],
            bought_on: 0.0,
            renewed_on: 0.0,
            planners: planners.iter().map(planner).collect(),
            leader: 0,
        }
    }

    /// Where to be.
    pub fn step(&mut self, e: &Economics, t: &Timing, seen: &Observation) -> (Want, Reason) {
        let Some(per_s) = seen.per_s else { return (Want::Function, Reason::default()) };
        let hour = Hour::new(e, t);
        let kept = 1.0 - f64::from(t.tick_s) / REMEMBERED_S;
        for planner in &mut self.planners {
            planner.pay(self.tasks.wanted(), per_s, kept, e, t);
        }
        self.saw(per_s, e, t);
        for planner in &mut self.planners {
            planner.plan(self.gains, self.bought_on, self.renewed_on, &hour, t);
        }
        self.follow(&hour, t);
        let leader = &self.planners[self.leader];
        let mut want = leader.want(&seen.world, self.tasks.wanted(), t);
        let mut reason = self.reason(&hour, seen, t);
        if let Some(most) = e.function_per_s.map(|most| FUNCTION_FULL * most)
            && per_s > most
        {
            // What is beyond must find tasks, whatever they cost.
            let beyond = libm::ceil((per_s - most) / e.safe_per_s()) as u32;
            want = Want::Tasks(self.tasks.wanted().max(beyond));
            reason.full = true;
        }
        (want, reason)
    }

    fn saw(&mut self, per_s: f64, e: &Economics, t: &Timing) {
        self.tasks.saw(e, t, per_s);
        let function = requests(per_s, t.tick_s, e.function_request) as f64;
        let lb = requests(per_s, t.tick_s, e.lb_request) as f64 + self.tasks.cost(e, t);
        self.gains.rotate_right(1);
        self.gains[0] = function - lb;
        let ticks = f64::from(t.hour_ticks);
        self.bought_on += (self.gains[0] - self.bought_on) * (BUYS_ON / ticks).min(1.0);
        self.renewed_on += (self.gains[0] - self.renewed_on) * (RENEWS_ON / ticks).min(1.0);
    }

    /// Follows another planner where it would have been cheaper by the cost of a move.
    fn follow(&mut self, hour: &Hour, t: &Timing) {
        let costs = |at: usize| self.planners[at].costs_without_paid(hour, t);
        let cheapest = (0..self.planners.len())
            .min_by(|a, b| costs(*a).total_cmp(&costs(*b)))
            .expect("there are planners");
        if costs(cheapest) + hour.move_costs() < costs(self.leader) {
            self.leader = cheapest;
        }
    }

    fn reason(&self, hour: &Hour, seen: &Observation, t: &Timing) -> Reason {
        let net = self.gains[0] - hour.costs / hour.ticks;
        let at_function = matches!(seen.world.stage, Stage::Function | Stage::Warming(_));
        let per_hour = if at_function { net } else { -net } * 3600.0 / f64::from(t.tick_s);
        Reason {
            saves_per_hour: per_hour as NanoUsd,
            move_costs: hour.move_costs() as NanoUsd,
            full: false,
        }
    }
}

impl Default for Flex {
    fn default() -> Self {
        Self::new()
    }
}

impl Planner {
    /// Passes the tick that was seen, in a world of its own.
    fn pay(&mut self, tasks: u32, per_s: f64, kept: f64, e: &Economics, t: &Timing) {
        let want = self.want(&self.world, tasks, t);
        let tick = self.world.pass(want, per_s, true, e, t);
        self.costs = self.costs * kept + (tick.cost + tick.shift) as f64;
    }

    /// An hour that is paid for and not over is worth what is left of it.
    fn costs_without_paid(&self, hour: &Hour, t: &Timing) -> f64 {
        let left = self.world.lb_age.map_or(0.0, |age| paid_ticks(age, t));
        self.costs - hour.costs * left / hour.ticks
    }

    fn plan(
        &mut self,
        gains: [f64; IN_A_ROW],
        bought_on: f64,
        renewed_on: f64,
        hour: &Hour,
        t: &Timing,
    ) {
        let other_saves = gains[0] - hour.costs / hour.ticks;
        self.lost = (self.lost + if self.high { -other_saves } else { other_saves }).max(0.0);
        // Shifts that are worth something are made when staying has cost as much.
        let worth_shifts = self.lost >= self.patience * hour.shifts;
        let pays = hour.pays(bought_on) && gains.iter().all(|gain| hour.pays(*gain));
        let was_high = self.high;
        self.high = match (self.world.stage, self.world.lb_age) {
            (Stage::LoadBalancer, _) => {
                self.renews || renewed_on * hour.ticks > hour.costs || !worth_shifts
            }
            (Stage::Function, Some(age)) if age >= t.lb_ticks => {
                // What is left is free, and being there decides about the next.
                let serves = paid_ticks(age, t) - hour.idle_up + f64::from(t.lb_ticks);
                let next = (bought_on * hour.ticks - hour.costs).max(0.0);
                bought_on * (serves - hour.idle_down) + next > 0.0 && worth_shifts
            }
            (Stage::Function, Some(_)) | (Stage::Warming(_), _) => pays,
            (Stage::Function, None) => pays && self.lost >= self.patience * hour.move_costs(),
            (Stage::RampUp(_) | Stage::RampDown(_), _) => self.high,
        };
        if self.high != was_high {
            self.lost = 0.0;
        }
    }

    /// Where to be in `world`: never away from a load balancer whose hour is paid, until there is
    /// just time to leave before the next.
    fn want(&self, world: &Simulation, tasks: u32, t: &Timing) -> Want {
        let paid = match (world.stage, world.lb_age) {
            (Stage::LoadBalancer, Some(age)) => {
                !(age + t.ramp_down.len() as u32).is_multiple_of(t.hour_ticks)
            }
            _ => false,
        };
        if self.high || paid { Want::Tasks(tasks) } else { Want::Function }
    }
}

/// Ticks until the hour that is paid for ends.
fn paid_ticks(age: u32, t: &Timing) -> f64 {
    f64::from((t.hour_ticks - age % t.hour_ticks) % t.hour_ticks)
}
