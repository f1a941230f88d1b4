//! How many tasks to have at the load balancer.
//!
//! A small family of rules runs side by side over what was seen, each paying for what it would
//! have started, stopped and spilled; the one that has been cheapest decides. Patient rules are
//! quick and right where the load moves, rules of recent means where it is noisy.

use serde::{Deserialize, Serialize};

use crate::economics::{Economics, requests};
use crate::timing::Timing;
use crate::world::task_tick;

/// Starting a task costs a tick of it, stopping it another.
const CYCLE: f64 = 2.0;

/// Costs of long ago count less: by 1/e each day, in which a service's rhythm repeats.
const REMEMBERED_S: f64 = 86_400.0;

/// When another task is started or one stopped. A task's gain is what it saves each tick, in
/// prices of a task for a tick: -1 where it idles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    /// When so much has been lost since the last change by not changing; lazy capacity
    /// provisioning has 2, what a start and a stop cost.
    Patience(f64),
    /// When a sum over about so many ticks, older ones counting less, is worth a start or a stop.
    Recent(f64),
}

/// Halves of lazy provisioning's patience, and doubled windows up to a quarter of a day: what lies
/// between hardly differs.
const RULES: [Rule; 13] = [
    Rule::Patience(1.0),
    Rule::Patience(0.25),
    Rule::Patience(0.5),
    Rule::Patience(2.0),
    Rule::Recent(1.0),
    Rule::Recent(2.0),
    Rule::Recent(4.0),
    Rule::Recent(8.0),
    Rule::Recent(16.0),
    Rule::Recent(32.0),
    Rule::Recent(64.0),
    Rule::Recent(128.0),
    Rule::Recent(256.0),
];

/// A rule and the tasks it would have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Expert {
    rule: Rule,
    /// What has been lost or gained by each further task.
    balance: Vec<f64>,
    wanted: usize,
    serving: usize,
    starting: usize,
    /// Of the last tick, and of all, older ones counting less; in prices of a task for a tick.
    cost: f64,
    costs: f64,
}

/// The family and who leads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tasks {
    experts: Vec<Expert>,
    leader: usize,
}

impl Tasks {
    pub fn new() -> Self {
        let expert = |rule| Expert {
            rule,
            balance: Vec::new(),
            wanted: 0,
            serving: 0,
            starting: 0,
            cost: 0.0,
            costs: 0.0,
        };
        Self { experts: RULES.map(expert).to_vec(), leader: 0 }
    }

    /// So many were seen in the last tick.
    pub fn saw(&mut self, economics: &Economics, timing: &Timing, per_s: f64) {
        let task = task_tick(economics, timing) as f64;
        let spilled = spilled_costs(economics, timing, per_s, task);
        let kept = 1.0 - f64::from(timing.tick_s) / REMEMBERED_S;
        for expert in &mut self.experts {
            expert.pay(&spilled, kept);
            expert.choose(&spilled);
        }
        let cheapest = (0..self.experts.len())
            .min_by(|a, b| self.experts[*a].costs.total_cmp(&self.experts[*b].costs))
            .expect("there are rules");
        if self.experts[cheapest].costs + CYCLE < self.experts[self.leader].costs {
            self.leader = cheapest;
        }
    }

    /// Tasks to have from now on.
    pub fn wanted(&self) -> u32 {
        self.experts[self.leader].wanted as u32
    }

    /// What the last tick cost in tasks and spilled requests, as this family would have had them.
    pub fn cost(&self, economics: &Economics, timing: &Timing) -> f64 {
        self.experts[self.leader].cost * task_tick(economics, timing) as f64
    }
}

/// By number of tasks, what spilled in a tick costs in prices of a task; the last is of as many as
/// are ever worth having at this load, or allowed.
fn spilled_costs(economics: &Economics, timing: &Timing, per_s: f64, task: f64) -> Vec<f64> {
    let cost = |tasks: u32| {
        let spilled = economics.spilled_per_s(per_s, tasks);
        requests(spilled, timing.tick_s, economics.spill_request) as f64 / task
    };
    let mut costs = vec![cost(0)];
    while costs.len() <= economics.max_tasks as usize && costs[costs.len() - 1] > 0.0 {
        costs.push(cost(costs.len() as u32));
    }
    costs
}

impl Expert {
    /// Passes the tick that was seen, as the world passes it.
    fn pay(&mut self, spilled: &[f64], kept: f64) {
        self.serving += self.starting;
        self.starting = self.wanted.saturating_sub(self.serving);
        let stopping = self.serving.saturating_sub(self.wanted);
        self.serving -= stopping;
        let tasks = self.serving + self.starting + stopping;
        self.cost = tasks as f64 + spilled[self.serving.min(spilled.len() - 1)];
        self.costs = self.costs * kept + self.cost;
    }

    fn choose(&mut self, spilled: &[f64]) {
        let most = spilled.len().saturating_sub(1).max(self.balance.len());
        if most > self.balance.len() {
            let unseen = match self.rule {
                Rule::Patience(_) => 0.0,
                Rule::Recent(window) => -window,
            };
            self.balance.resize(most, unseen);
        }
        let gain = |task: usize| match spilled.get(task + 1) {
            Some(with) => spilled[task] - with - 1.0,
            None => -1.0,
        };
        for (task, balance) in self.balance.iter_mut().enumerate() {
            *balance = match self.rule {
                Rule::Patience(_) if task < self.wanted => (*balance + gain(task)).min(0.0),
                Rule::Patience(_) => (*balance + gain(task)).max(0.0),
                Rule::Recent(window) => *balance * (1.0 - 1.0 / window) + gain(task),
            };
        }
        let enough = match self.rule {
            Rule::Patience(patience) => patience,
            Rule::Recent(_) => CYCLE / 2.0,
        };
        let patient = matches!(self.rule, Rule::Patience(_));
        while self.wanted < most && self.balance[self.wanted] >= enough {
            if patient {
                self.balance[self.wanted] = 0.0;
            }
            self.wanted += 1;
        }
        while self.wanted > 0 && self.balance[self.wanted - 1] <= -enough {
            self.wanted -= 1;
            if patient {
                self.balance[self.wanted] = 0.0;
            }
        }
    }
}
