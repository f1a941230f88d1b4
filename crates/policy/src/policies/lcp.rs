//! Lazy capacity provisioning on the line of states.

use serde::{Deserialize, Serialize};

use crate::economics::{Economics, NanoUsd, requests};
use crate::step::{Observation, Reason};
use crate::timing::Timing;
use crate::world::{Want, task_tick};

/// Lazy capacity provisioning over OFF, a load balancer with no task, with one, ...
///
/// Lin, Wierman, Andrew, Thereska, "Dynamic right-sizing for power-proportional data centers",
/// INFOCOM 2011; for whole numbers 3-competitive where costs are convex and nothing is delayed, and
/// no deterministic algorithm is better (Albers, Quedenfeld, SPAA 2018).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lcp {
    /// The least that could have been paid by now to end in each state, above the least of all.
    /// Going up is paid when going up.
    work: Vec<NanoUsd>,
    at: usize,
}

impl Lcp {
    /// Begins at the function.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to be.
    pub fn step(&mut self, e: &Economics, t: &Timing, seen: &Observation) -> (Want, Reason) {
        let Some(per_s) = seen.per_s else { return (Want::Function, Reason::default()) };
        let costs = self.costs(e, t, per_s);
        let up = up_costs(e, t, costs.len());
        self.reach(&up);
        for (work, cost) in self.work.iter_mut().zip(&costs) {
            *work += cost;
        }
        let least = self.work.iter().copied().min().expect("there are states");
        for work in &mut self.work {
            *work -= least;
        }
        // The lazy interval: where the cheapest way ends if going up is paid now, and if it was.
        let low = self.work.iter().position(|work| *work == 0).expect("one is the least");
        let paid = |state: &usize| self.work[*state] - up[*state];
        let high = (0..self.work.len()).rev().min_by_key(paid).expect("there are states");
        for state in 1..self.work.len() {
            let from_below = self.work[state - 1] + up[state] - up[state - 1];
            self.work[state] = self.work[state].min(from_below);
        }
        for state in (1..self.work.len()).rev() {
            self.work[state - 1] = self.work[state - 1].min(self.work[state]);
        }
        self.at = self.at.max(low.min(high)).min(high.max(low));
        let want = match self.at.checked_sub(1) {
            None => Want::Function,
            Some(tasks) => Want::Tasks(tasks as u32),
        };
        (want, self.reason(&costs, &up, t))
    }

    /// A tick in each state that matters at this load, or ever did.
    fn costs(&self, e: &Economics, t: &Timing, per_s: f64) -> Vec<NanoUsd> {
        let standing = |tasks: u32| {
            let spilled = e.spilled_per_s(per_s, tasks);
            let cost = e.lb_hour / i64::from(t.hour_ticks)
                + task_tick(e, t) * i64::from(tasks)
                + requests(per_s, t.tick_s, e.lb_request)
                + requests(spilled, t.tick_s, e.spill_request);
            (cost, spilled)
        };
        let mut costs = vec![requests(per_s, t.tick_s, e.function_request)];
        for tasks in 0..=e.max_tasks {
            let (cost, spilled) = standing(tasks);
            costs.push(cost);
            if spilled == 0.0 && costs.len() >= self.work.len() {
                break;
            }
        }
        costs
    }

    /// States that were never looked at are reached from the last one below.
    fn reach(&mut self, up: &[NanoUsd]) {
        for state in self.work.len()..up.len() {
            let from = match state.checked_sub(1) {
                None => 0,
                Some(below) => self.work[below] + up[state] - up[below],
            };
            self.work.push(from);
        }
    }

    fn reason(&self, costs: &[NanoUsd], up: &[NanoUsd], t: &Timing) -> Reason {
        let other = match self.at {
            0 => (1..costs.len()).min_by_key(|state| costs[*state]).unwrap_or(0),
            _ => 0,
        };
        let saves = costs[self.at] - costs[other];
        Reason {
            saves_per_hour: saves * 3600 / i64::from(t.tick_s),
            move_costs: up[self.at.max(other)],
            full: false,
        }
    }
}

/// What going up to each state from the first costs, there and back: the load balancer's time that
/// does not serve and, on average, half an hour of it that is paid for and not used; both shifts; a
/// tick to start and a tick to stop each task.
fn up_costs(e: &Economics, t: &Timing, states: usize) -> Vec<NanoUsd> {
    let idle = (t.lb_ticks as usize + t.ramp_up.len() + t.ramp_down.len()) as i64 - 2;
    let mode = e.lb_hour * idle / i64::from(t.hour_ticks) + e.lb_hour / 2 + 2 * e.shift;
    let task = 2 * task_tick(e, t);
    (0..states as i64).map(|state| if state == 0 { 0 } else { mode + task * (state - 1) }).collect()
}
