//! Moves between the gears as one step: what they cost from beginning to end.

use crate::optimum::costs::Costs;
use crate::timing::Timing;

/// Tasks that start cost a tick before they serve, tasks that stop a tick after: the cheapest way
/// to each number of tasks in `tick` from each in the tick before, never more than `most`.
pub(super) fn start_and_stop(by_tasks: &mut Vec<f64>, costs: &Costs, tick: usize, most: usize) {
    start(by_tasks, costs, tick, most);
    stop(by_tasks, costs, tick, most);
}

fn start(by_tasks: &mut Vec<f64>, costs: &Costs, tick: usize, most: usize) {
    if most >= by_tasks.len() {
        by_tasks.resize(most + 1, f64::INFINITY);
    }
    for tasks in 1..by_tasks.len() {
        by_tasks[tasks] = by_tasks[tasks].min(by_tasks[tasks - 1] + costs.task(tick - 1));
    }
}

fn stop(by_tasks: &mut Vec<f64>, costs: &Costs, tick: usize, most: usize) {
    for tasks in (1..by_tasks.len()).rev() {
        by_tasks[tasks - 1] = by_tasks[tasks - 1].min(by_tasks[tasks] + costs.task(tick));
    }
    by_tasks.truncate(most + 1);
}

/// What serving costs in `tick`, by tasks.
pub(super) fn serve(by_tasks: &mut [f64], costs: &Costs, tick: usize, share: f64) {
    let requests = costs.requests(tick, share);
    for (tasks, cost) in by_tasks.iter_mut().enumerate() {
        *cost += requests.with(tasks) + tasks as f64 * costs.task(tick);
    }
}

/// DNS is turned to the load balancer at `begun`: by tasks, the cost until all requests arrive
/// there; without the load balancer's hours.
pub(super) fn ramp_up(costs: &Costs, enough: &[u32], timing: &Timing, begun: usize) -> Vec<f64> {
    stages_up(costs, enough, timing, begun).pop().expect("a ramp has ticks")
}

/// As [`ramp_up`], at the end of each of its ticks.
pub(super) fn stages_up(
    costs: &Costs,
    enough: &[u32],
    timing: &Timing,
    begun: usize,
) -> Vec<Vec<f64>> {
    let first = costs.requests(begun, timing.ramp_up[0]).with(0) + costs.shift(begun);
    let mut stages = vec![vec![first]];
    for (since, &share) in timing.ramp_up.iter().enumerate().skip(1) {
        let tick = begun + since;
        let mut by_tasks = stages[since - 1].clone();
        start_and_stop(&mut by_tasks, costs, tick, most(enough, tick));
        serve(&mut by_tasks, costs, tick, share);
        stages.push(by_tasks);
    }
    stages
}

/// DNS is turned away from the load balancer at `begun`: the cost until its tasks have stopped,
/// for 0 to `most` tasks; without the load balancer's hours.
pub(super) fn ramp_down(costs: &Costs, timing: &Timing, begun: usize, most: usize) -> Vec<f64> {
    let mut by_tasks = vec![costs.shift(begun); most + 1];
    for (since, &share) in timing.ramp_down.iter().enumerate() {
        serve(&mut by_tasks, costs, begun + since, share);
    }
    by_tasks
}

/// The most tasks worth having in `tick`.
pub(super) fn most(enough: &[u32], tick: usize) -> usize {
    enough.get(tick).copied().unwrap_or(0) as usize
}
