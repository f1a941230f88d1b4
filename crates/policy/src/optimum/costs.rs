//! What each tick costs at the load balancer, for every share and number of tasks that matter.

use crate::economics::Economics;
use crate::timing::Timing;
use crate::world::{requests_cost, task_tick};

/// Costs of all ticks. Ticks beyond the demand are free, so that moves may end there.
///
/// Costs are whole numbers of billionths of a dollar, held as floats: exact below 2^53 (nine
/// million dollars), and lanes of floats have a minimum.
pub(super) struct Costs {
    ticks: usize,
    shares: Vec<f64>,
    /// By tick: where its rows begin in `rows`, and from how many tasks on nothing spills.
    begins: Vec<(usize, u32)>,
    /// By share, by tasks: requests only.
    rows: Vec<f64>,
    function: Vec<f64>,
    task: f64,
    lb_hour: f64,
    shift: f64,
}

impl Costs {
    pub fn new(demand: &[f64], economics: &Economics, timing: &Timing) -> Self {
        let mut shares = vec![1.0];
        for &share in timing.ramp_up.iter().chain(&timing.ramp_down) {
            if !shares.contains(&share) {
                shares.push(share);
            }
        }
        let mut costs = Self {
            ticks: demand.len(),
            shares,
            begins: Vec::with_capacity(demand.len()),
            rows: Vec::new(),
            function: Vec::with_capacity(demand.len()),
            task: task_tick(economics, timing) as f64,
            lb_hour: economics.lb_hour as f64,
            shift: economics.shift as f64,
        };
        for &per_s in demand {
            let cost = |share: f64, spilled: f64| {
                requests_cost(per_s, share, spilled, economics, timing.tick_s) as f64
            };
            costs.function.push(cost(0.0, 0.0));
            let begin = costs.rows.len();
            let spilled = |share, tasks| economics.spilled_per_s(per_s * share, tasks);
            let mut top = 0;
            for tasks in 0..=economics.max_tasks {
                top = tasks;
                costs.rows.push(cost(1.0, spilled(1.0, tasks)));
                if spilled(1.0, tasks) == 0.0 {
                    break;
                }
            }
            for &share in &costs.shares[1..] {
                costs.rows.extend((0..=top).map(|tasks| cost(share, spilled(share, tasks))));
            }
            costs.begins.push((begin, top));
        }
        costs
    }

    /// Of the demand.
    pub fn ticks(&self) -> usize {
        self.ticks
    }

    /// All at the function, no task.
    pub fn function(&self, tick: usize) -> f64 {
        self.function.get(tick).copied().unwrap_or(0.0)
    }

    /// A started hour of the load balancer.
    pub fn lb_hour(&self, tick: usize) -> f64 {
        if tick < self.ticks { self.lb_hour } else { 0.0 }
    }

    /// What one shift begun in this tick is worth.
    pub fn shift(&self, tick: usize) -> f64 {
        if tick < self.ticks { self.shift } else { 0.0 }
    }

    /// One task for this tick.
    pub fn task(&self, tick: usize) -> f64 {
        if tick < self.ticks { self.task } else { 0.0 }
    }

    /// The requests of a tick with this share at the load balancer, for `tasks` from 0 on.
    pub fn requests(&self, tick: usize, share: f64) -> Requests<'_> {
        let Some(&(begin, top)) = self.begins.get(tick) else { return Requests(&[0.0]) };
        let at = self.shares.iter().position(|known| *known == share).expect("a share of ours");
        let length = top as usize + 1;
        Requests(&self.rows[begin + at * length..begin + (at + 1) * length])
    }

    /// From which number of tasks on one more does not pay, whatever the schedule around: a bound
    /// for every tick that some optimal schedule keeps to.
    ///
    /// Take the ticks in a row in which more than m tasks run. One task fewer saves its price and
    /// spills more: where no such stretch around a tick gains by its (m+1)th task, m is enough.
    /// `serving` of them run already. The gain of a stretch is a sum, so the best stretch is the best sum of neighbours. Starting
    /// and stopping only add to what a task costs, and smaller shares are looked at, too.
    pub fn enough_tasks(&self, serving: u32) -> Vec<u32> {
        let highest = self.begins.iter().map(|(_, top)| *top).max().unwrap_or(0).max(serving);
        let mut enough = vec![highest; self.ticks];
        let mut gains = vec![0.0; self.ticks];
        let mut until_here = vec![0.0; self.ticks];
        for tasks in (0..highest).rev() {
            for (tick, gain) in gains.iter_mut().enumerate() {
                *gain = self.gain(tick, tasks as usize) - self.task;
            }
            if tasks < serving && self.ticks > 0 {
                // It runs already, and is billed for a tick however early it is stopped.
                gains[0] += self.task;
            }
            let mut sum = 0.0f64;
            for (tick, gain) in gains.iter().enumerate() {
                sum = sum.max(0.0) + gain;
                until_here[tick] = sum;
            }
            let mut onwards = 0.0f64;
            for tick in (0..self.ticks).rev() {
                onwards = onwards.max(0.0) + gains[tick];
                if enough[tick] == tasks + 1 && until_here[tick] + onwards - gains[tick] <= 0.0 {
                    enough[tick] = tasks;
                }
            }
        }
        enough
    }

    /// At most this is saved by one more task than `tasks`.
    fn gain(&self, tick: usize, tasks: usize) -> f64 {
        /// Each of two costs is rounded twice where it depends on tasks.
        const ROUNDING: f64 = 2.0;
        let (begin, top) = self.begins[tick];
        if tasks >= top as usize {
            return 0.0;
        }
        let length = top as usize + 1;
        let saved = (0..self.shares.len()).map(|share| {
            let row = &self.rows[begin + share * length..];
            row[tasks] - row[tasks + 1]
        });
        saved.fold(0.0, f64::max) + ROUNDING
    }
}

/// By number of tasks; more tasks than it has cost no less.
pub(super) struct Requests<'a>(&'a [f64]);

impl Requests<'_> {
    pub fn with(&self, tasks: usize) -> f64 {
        self.0[tasks.min(self.0.len() - 1)]
    }
}
