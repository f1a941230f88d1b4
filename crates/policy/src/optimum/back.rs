//! The way back: which states the cheapest way went through.
//!
//! Costs are whole numbers, so a state was on the way exactly where its cost and what is still to
//! come add up.

use crate::optimum::costs::Costs;
use crate::optimum::forward::Forward;
use crate::optimum::moves::{most, ramp_down, serve, stages_up};
use crate::timing::Timing;
use crate::world::Want;

pub(super) struct Back<'a> {
    pub costs: &'a Costs,
    pub enough: &'a [u32],
    pub timing: &'a Timing,
    pub forward: &'a Forward,
    /// It began at a load balancer with so many tasks.
    pub serving: Option<u32>,
}

/// At the function, at the beginning of a tick.
#[derive(Clone, Copy, Debug)]
enum At {
    Off(usize),
    /// With a load balancer of this lane.
    Paid(usize, usize),
}

/// A time at the load balancer, known from its end.
struct Stand {
    lane: usize,
    /// First tick after it.
    end: usize,
    /// DNS is turned away at `end`; else the demand ends there.
    turned: bool,
    /// What the way costs from the very beginning to `end`, and turning away.
    cost: f64,
}

/// Where a time at the load balancer began.
struct Entry {
    /// First tick with all requests there.
    first: usize,
    /// Tasks in the tick before.
    tasks: usize,
    /// Where it came from and when DNS was turned; none: it was there when all began.
    from: Option<(At, usize)>,
}

impl Back<'_> {
    /// What to want in each of `ticks`.
    pub fn wants(&self, ticks: usize) -> Vec<Want> {
        let end = self.forward.off.len() - 1;
        let mut wants = vec![Want::Function; end];
        let mut at = match self.forward.ends_on {
            Some(lane) => {
                let cost = self.forward.cost;
                self.stand(Stand { lane, end, turned: false, cost }, &mut wants)
            }
            None if self.forward.off[end] == self.forward.cost => Some(At::Off(end)),
            None => {
                let paid = &self.forward.paid[end];
                let lane = paid.iter().position(|paid| *paid == self.forward.cost);
                Some(At::Paid(end, lane.expect("it ends somewhere")))
            }
        };
        while let Some(now) = at {
            at = self.before(now, &mut wants);
        }
        wants.truncate(ticks);
        wants
    }

    fn before(&self, at: At, wants: &mut [Want]) -> Option<At> {
        let (At::Off(tick) | At::Paid(tick, _)) = at;
        let before = tick.checked_sub(1)?;
        let waited = self.costs.function(before);
        match at {
            At::Off(_) if self.forward.off[before] + waited == self.forward.off[tick] => {
                Some(At::Off(before))
            }
            At::Off(_) => Some(At::Paid(tick, self.lane(tick))),
            At::Paid(_, lane) => {
                let cost = self.forward.paid[tick][lane];
                if self.paid(before, lane) + waited == cost {
                    return Some(At::Paid(before, lane));
                }
                let end = tick - self.timing.ramp_down.len();
                let cost = cost - self.hours(lane, end, tick);
                self.stand(Stand { lane, end, turned: true, cost }, wants)
            }
        }
    }

    /// Writes down what was wanted during a time at the load balancer and on the way to it.
    fn stand(&self, stand: Stand, wants: &mut [Want]) -> Option<At> {
        let (to_come, entry) = self.entry(&stand);
        let mut serving = vec![entry.tasks];
        for tick in entry.first..stand.end {
            let before = *serving.last().expect("it begins with one");
            let mut ways = to_come[stand.end - 1 - tick].clone();
            serve(&mut ways, self.costs, tick, 1.0);
            serving.push(self.cheapest(before, &ways, tick));
        }
        if stand.turned {
            let before = *serving.last().expect("it begins with one");
            let ways = ramp_down(self.costs, self.timing, stand.end, self.at_once(stand.end));
            // None stops in the tick in which DNS is turned away.
            serving.push(before + self.cheapest(0, &ways[before..], stand.end));
        }
        let Some((from, begun)) = entry.from else {
            want(&serving, entry.first, &mut wants[..stand.end]);
            return None;
        };
        let mut ramp = self.ramp(begun, entry.tasks);
        ramp.extend(&serving[1..]);
        want(&ramp, begun + 1, &mut wants[..stand.end]);
        let (At::Off(asked) | At::Paid(asked, _)) = from;
        wants[asked..begun].fill(Want::Tasks(0));
        Some(from)
    }

    /// Looks from the end of a time at the load balancer back for its beginning, with what was
    /// still to come at the end of each tick, the latest first, by tasks.
    fn entry(&self, stand: &Stand) -> (Vec<Vec<f64>>, Entry) {
        let mut rest = match stand.turned {
            true => ramp_down(self.costs, self.timing, stand.end, self.at_once(stand.end)),
            false => vec![0.0; most(self.enough, stand.end.saturating_sub(1)) + 1],
        };
        if stand.turned && stand.end > 0 {
            self.started(&mut rest, stand.end);
        }
        let mut to_come = Vec::new();
        let mut end = stand.end;
        loop {
            // `rest` is what is to come at the end of the tick before `end`.
            let cost = stand.cost - self.hours(stand.lane, end, stand.end);
            let entered = self.entered(stand.lane, end, cost, &rest);
            if let Some((tasks, from)) = entered {
                return (to_come, Entry { first: end, tasks, from });
            }
            to_come.push(rest.clone());
            end = end.checked_sub(1).expect("every time at the load balancer begins");
            rest.truncate(most(self.enough, end) + 1);
            serve(&mut rest, self.costs, end, 1.0);
            let task = self.costs.task(end);
            rest.resize(self.at_once(end) + 1, f64::INFINITY);
            for tasks in 1..rest.len() {
                rest[tasks] = rest[tasks].min(rest[tasks - 1] + task);
            }
            if end > 0 {
                self.started(&mut rest, end);
            }
        }
    }

    /// Turns what is to come with so many tasks in `tick` into that with so many before.
    fn started(&self, rest: &mut [f64], tick: usize) {
        let task = self.costs.task(tick - 1);
        for tasks in (1..rest.len()).rev() {
            rest[tasks - 1] = rest[tasks - 1].min(rest[tasks] + task);
        }
    }

    /// The most tasks in a tick before some stop.
    fn at_once(&self, tick: usize) -> usize {
        let before = tick.checked_sub(1).map_or(0, |before| most(self.enough, before));
        let standing = if tick == 0 { self.serving.unwrap_or(0) as usize } else { 0 };
        before.max(most(self.enough, tick)).max(standing)
    }

    /// Whether a load balancer of `lane` whose ramp ended just before `first` adds up to `cost`:
    /// tasks at that time, where it came from, and when DNS was turned.
    fn entered(
        &self,
        lane: usize,
        first: usize,
        cost: f64,
        rest: &[f64],
    ) -> Option<(usize, Option<(At, usize)>)> {
        if first == 0 {
            let tasks = self.serving.expect("it began there") as usize;
            return (rest[tasks] == cost).then_some((tasks, None));
        }
        let begun = first.checked_sub(self.timing.ramp_up.len())?;
        let least = rest.iter().copied().fold(f64::INFINITY, f64::min);
        let paid = (self.paid(begun, lane), At::Paid(begun, lane));
        let asked = begun.checked_sub(self.timing.lb_ticks as usize);
        let asked = asked.filter(|asked| self.lane(*asked) == lane).map(|asked| {
            let waited: f64 = (asked..begun).map(|tick| self.costs.function(tick)).sum();
            let cost = self.forward.off[asked] + waited + self.hours(lane, asked, begun);
            (cost, At::Off(asked))
        });
        for (before, from) in [Some(paid), asked].into_iter().flatten() {
            let before = before + self.hours(lane, begun, first);
            if before + least > cost {
                continue;
            }
            let up = stages_up(self.costs, self.enough, self.timing, begun);
            let up = up.last().expect("a ramp has ticks");
            let found = (0..up.len().min(rest.len())).find(|&n| before + up[n] + rest[n] == cost);
            if let Some(tasks) = found {
                return Some((tasks, Some((from, begun))));
            }
        }
        None
    }

    /// Tasks in each tick of a ramp that ends with `tasks`.
    fn ramp(&self, begun: usize, tasks: usize) -> Vec<usize> {
        let stages = stages_up(self.costs, self.enough, self.timing, begun);
        let mut serving = vec![tasks];
        for since in (1..stages.len()).rev() {
            let after = serving[0];
            let cost = |before: usize| {
                stages[since - 1][before] + self.moved(before, after, begun + since)
            };
            let before = (0..stages[since - 1].len())
                .min_by(|a, b| cost(*a).total_cmp(&cost(*b)))
                .expect("every stage has a way");
            serving.insert(0, before);
        }
        serving
    }

    /// The number of tasks in `tick` from which on it is cheapest.
    fn cheapest(&self, before: usize, ways: &[f64], tick: usize) -> usize {
        let cost = |after: usize| ways[after] + self.moved(before, after, tick);
        (0..ways.len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).expect("there is a way")
    }

    fn moved(&self, before: usize, after: usize, tick: usize) -> f64 {
        match tick.checked_sub(1) {
            _ if after <= before => (before - after) as f64 * self.costs.task(tick),
            Some(tick) => (after - before) as f64 * self.costs.task(tick),
            None => f64::INFINITY,
        }
    }

    fn lane(&self, tick: usize) -> usize {
        tick % self.timing.hour_ticks as usize
    }

    /// At the function with a load balancer that stays: not one whose hour has ended.
    fn paid(&self, tick: usize, lane: usize) -> f64 {
        if lane == self.lane(tick) { f64::INFINITY } else { self.forward.paid[tick][lane] }
    }

    /// Hours that begin for a load balancer of this lane.
    fn hours(&self, lane: usize, from: usize, to: usize) -> f64 {
        let hour = self.timing.hour_ticks as usize;
        // Of the ticks before one, those of this lane.
        let before = |tick: usize| (tick.min(self.costs.ticks()) + hour - 1 - lane) / hour;
        (before(to) - before(from)) as f64 * self.costs.lb_hour(0)
    }
}

/// Tasks must be wanted a tick before they serve; `serving[0]` is the tick before `first`.
fn want(serving: &[usize], first: usize, wants: &mut [Want]) {
    for (at, &tasks) in serving.iter().enumerate() {
        let next = serving.get(at + 1).copied().unwrap_or(tasks);
        if let Some(tick) = (first + at).checked_sub(1)
            && tick < wants.len()
        {
            wants[tick] = Want::Tasks(tasks.max(next) as u32);
        }
    }
}
