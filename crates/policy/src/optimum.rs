//! The cheapest schedule for a demand that is known beforehand, exactly.
//!
//! Dynamic programming over (no load balancer | the tick of the hour in which it was asked for |
//! tasks), with moves between the gears as one step each and starting and stopping of tasks as two
//! passes over their number. It goes through the same world as the policies ([`crate::Simulation`]).

mod back;
mod costs;
mod forward;
mod lanes;
mod moves;

use crate::economics::{Economics, NanoUsd};
use crate::timing::Timing;
use crate::world::{Simulation, Want};

use back::Back;
use costs::Costs;
use forward::forward;

/// The cheapest schedule.
#[derive(Clone, Debug)]
pub struct Optimum {
    /// With what its shifts are worth.
    pub cost: NanoUsd,
    /// What to want in each tick, for [`Simulation::pass`] with spilling.
    pub wants: Vec<Want>,
}

/// The cheapest way through `demand`, requests a second in each tick, from `start`: a world of
/// [`Simulation::function`] or [`Simulation::tasks`].
///
/// Time grows with ticks × tasks that matter; memory with ticks. More than 64 ticks an hour, or a
/// start in the middle of a move, is not possible.
pub fn optimum(
    demand: &[f64],
    economics: &Economics,
    timing: &Timing,
    start: &Simulation,
) -> Optimum {
    assert!(timing.hour_ticks as usize <= lanes::LANES, "at most 64 ticks an hour");
    let serving = start.lb_age.map(|_| start.serving);
    let costs = Costs::new(demand, economics, timing);
    let mut enough = costs.enough_tasks(serving.unwrap_or(0));
    for enough in &mut enough {
        *enough = (*enough).min(economics.max_tasks);
    }
    // Moves may end after the demand does.
    let moves = timing.lb_ticks as usize + timing.ramp_up.len() + timing.ramp_down.len();
    let forward = forward(&costs, &enough, timing, demand.len() + moves, serving);
    let back = Back { costs: &costs, enough: &enough, timing, forward: &forward, serving };
    Optimum { cost: forward.cost as NanoUsd, wants: back.wants(demand.len()) }
}
