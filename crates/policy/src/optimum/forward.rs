//! The cheapest way to every state, tick by tick.

use std::collections::VecDeque;

use crate::optimum::costs::Costs;
use crate::optimum::lanes::{Lanes, NEVER, add, least};
use crate::optimum::moves::{most, ramp_down, ramp_up};
use crate::timing::Timing;

/// The cheapest ways to be at the function at the beginning of each tick and at the end.
pub(super) struct Forward {
    /// Without a load balancer, after one whose hour has ended is gone.
    pub off: Vec<f64>,
    /// With one that is paid for, by the tick of the hour in which it was asked for, before one
    /// whose hour has ended is gone.
    pub paid: Vec<Lanes>,
    /// The cheapest way to the end.
    pub cost: f64,
    /// If that ends at a load balancer: its tick of the hour.
    pub ends_on: Option<usize>,
}

/// A move between the gears: the cheapest way to its beginning, by lane, and what it costs by
/// tasks.
struct Move {
    begun: usize,
    cost: Lanes,
    by_tasks: Vec<f64>,
}

struct State<'a> {
    costs: &'a Costs,
    enough: &'a [u32],
    timing: &'a Timing,
    off: f64,
    paid: Lanes,
    /// A load balancer was asked for in this tick.
    warming: VecDeque<(usize, f64)>,
    up: VecDeque<Move>,
    /// All requests at the load balancer, by tasks.
    on: Vec<Lanes>,
    down: VecDeque<Move>,
}

/// Runs over `ticks`, of which those beyond the demand are free; with `serving`, from a load
/// balancer and so many tasks, else from the function.
pub(super) fn forward(
    costs: &Costs,
    enough: &[u32],
    timing: &Timing,
    ticks: usize,
    serving: Option<u32>,
) -> Forward {
    let mut state = State {
        costs,
        enough,
        timing,
        off: if serving.is_some() { f64::INFINITY } else { 0.0 },
        paid: NEVER,
        warming: VecDeque::new(),
        up: VecDeque::new(),
        on: vec![NEVER; serving.map_or(0, |tasks| tasks as usize + 1)],
        down: VecDeque::new(),
    };
    if let Some(tasks) = serving {
        state.on[tasks as usize][0] = 0.0;
    }
    let mut result = Forward {
        off: Vec::with_capacity(ticks + 1),
        paid: Vec::with_capacity(ticks + 1),
        cost: 0.0,
        ends_on: None,
    };
    for tick in 0..ticks {
        result.paid.push(state.paid);
        state.end_hour(tick);
        result.off.push(state.off);
        state.begin_up(tick);
        state.stand(tick);
        state.pay_hour(tick);
        state.arrive(tick);
    }
    result.paid.push(state.paid);
    result.off.push(state.off);
    result.cost = state.paid.into_iter().fold(state.off, f64::min);
    for (lane, &cost) in state.on.iter().flat_map(|lanes| lanes.iter().enumerate()) {
        if cost < result.cost {
            (result.cost, result.ends_on) = (cost, Some(lane));
        }
    }
    result
}

impl State<'_> {
    fn lane(&self, tick: usize) -> usize {
        tick % self.timing.hour_ticks as usize
    }

    /// A load balancer that nobody uses goes before its next hour.
    fn end_hour(&mut self, tick: usize) {
        let lane = self.lane(tick);
        self.off = self.off.min(self.paid[lane]);
        self.paid[lane] = f64::INFINITY;
    }

    /// DNS is turned to load balancers that stand.
    fn begin_up(&mut self, tick: usize) {
        self.warming.push_back((tick, self.off));
        let mut cost = self.paid;
        if self.warming.front().is_some_and(|(asked, _)| asked + self.lb_ticks() == tick) {
            let (asked, off) = self.warming.pop_front().expect("just seen");
            let lane = self.lane(asked);
            cost[lane] = cost[lane].min(off);
        }
        let by_tasks = ramp_up(self.costs, self.enough, self.timing, tick);
        self.up.push_back(Move { begun: tick, cost, by_tasks });
    }

    /// At the load balancer: tasks start, DNS is turned away, tasks stop, requests are served.
    fn stand(&mut self, tick: usize) {
        let most = most(self.enough, tick);
        if tick > 0 && !self.on.is_empty() {
            let task = self.costs.task(tick - 1);
            self.on.resize(self.on.len().max(most + 1), NEVER);
            for tasks in 1..self.on.len() {
                let (fewer, rest) = self.on.split_at_mut(tasks);
                least(&mut rest[0], &fewer[tasks - 1], task);
            }
        }
        let by_tasks = ramp_down(self.costs, self.timing, tick, self.on.len().max(1) - 1);
        let mut cost = NEVER;
        for (on, &by_tasks) in self.on.iter().zip(&by_tasks) {
            least(&mut cost, on, by_tasks);
        }
        self.down.push_back(Move { begun: tick, cost, by_tasks: Vec::new() });

        let task = self.costs.task(tick);
        let requests = self.costs.requests(tick, 1.0);
        for tasks in (0..self.on.len()).rev() {
            if tasks + 1 < self.on.len() {
                let (fewer, rest) = self.on.split_at_mut(tasks + 1);
                least(&mut fewer[tasks], &rest[0], task);
            }
        }
        self.on.truncate(most + 1);
        for (tasks, on) in self.on.iter_mut().enumerate() {
            add(on, requests.with(tasks) + tasks as f64 * task);
        }
    }

    /// Whoever stands at the load balancer, or is on the way to it or from it, pays an hour that
    /// begins.
    fn pay_hour(&mut self, tick: usize) {
        let (lane, hour) = (self.lane(tick), self.costs.lb_hour(tick));
        for cost in self.on.iter_mut().chain(self.up.iter_mut().map(|way| &mut way.cost)) {
            cost[lane] += hour;
        }
        for way in &mut self.down {
            way.cost[lane] += hour;
        }
        let ticks = self.timing.hour_ticks as usize;
        for (asked, cost) in &mut self.warming {
            if *asked % ticks == lane {
                *cost += hour;
            }
            *cost += self.costs.function(tick);
        }
    }

    /// What ends with this tick.
    fn arrive(&mut self, tick: usize) {
        if self.up.front().is_some_and(|way| way.begun + self.timing.ramp_up.len() == tick + 1) {
            let way = self.up.pop_front().expect("just seen");
            self.on.resize(self.on.len().max(way.by_tasks.len()), NEVER);
            for (on, by_tasks) in self.on.iter_mut().zip(way.by_tasks) {
                least(on, &way.cost, by_tasks);
            }
        }
        self.off += self.costs.function(tick);
        add(&mut self.paid, self.costs.function(tick));
        let ramp = self.timing.ramp_down.len();
        if self.down.front().is_some_and(|way| way.begun + ramp == tick + 1) {
            let way = self.down.pop_front().expect("just seen");
            least(&mut self.paid, &way.cost, 0.0);
        }
    }

    fn lb_ticks(&self) -> usize {
        self.timing.lb_ticks as usize
    }
}
