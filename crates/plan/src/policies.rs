//! All policies over one demand, each beside the optimum from where it begins.

use std::fmt;

use gearshift_policy::{
    Alarms, Demand, Economics, Flex, Hysteresis, Lcp, NanoUsd, Optimum, Simulation, State, Timing,
    Totals, Tracking, optimum, replay,
};
use serde::{Deserialize, Serialize};

/// A policy by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    Flex,
    Lcp,
    Planner,
    AlwaysFunction,
    BreakEven,
    AlwaysTasks,
    LambdaFlex,
}

impl Name {
    /// In the order of the tables.
    pub const ALL: [Self; 7] = [
        Self::Flex,
        Self::Lcp,
        Self::Planner,
        Self::AlwaysFunction,
        Self::BreakEven,
        Self::AlwaysTasks,
        Self::LambdaFlex,
    ];

    /// The policy at its beginning.
    pub fn state(self, first_tasks: u32) -> State {
        match self {
            Self::Flex => State::Flex(Flex::new()),
            Self::Lcp => State::Lcp(Lcp::new()),
            Self::Planner => State::Planner(Flex::planner()),
            Self::AlwaysFunction => State::AlwaysFunction,
            Self::BreakEven => State::Hysteresis(Hysteresis::new()),
            Self::AlwaysTasks => State::AlwaysTasks(Tracking::new(first_tasks)),
            Self::LambdaFlex => State::Alarms(Alarms::lambdaflex()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flex => "flex",
            Self::Lcp => "lazy provisioning, spilling",
            Self::Planner => "planner alone",
            Self::AlwaysFunction => "always function",
            Self::BreakEven => "break-even + hysteresis",
            Self::AlwaysTasks => "always tasks, target tracking",
            Self::LambdaFlex => "LambdaFlex as published",
        })
    }
}

/// A policy's replay and the optimum from the same start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub policy: Name,
    pub totals: Totals,
    pub optimum: NanoUsd,
}

impl Line {
    /// Cost over the optimum's.
    pub fn times(&self) -> f64 {
        if self.optimum > 0 { self.totals.cost as f64 / self.optimum as f64 } else { 1.0 }
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Compared {
    /// From the function.
    pub optimum: Optimum,
    pub lines: Vec<Line>,
}

/// Where a policy begins: tasks for the first minute where there are always tasks, else the
/// function.
pub fn begins_at(policy: Name, demand: Demand, economics: &Economics) -> (State, Simulation) {
    if policy != Name::AlwaysTasks {
        return (policy.state(1), Simulation::function());
    }
    let first = demand.per_s.first().copied().unwrap_or(0.0);
    let tasks = (first / (0.7 * economics.task_per_s)).ceil();
    let tasks = (tasks as u32).clamp(1, economics.max_tasks);
    (policy.state(tasks), Simulation::tasks(tasks))
}

/// Replays one policy.
pub fn run(policy: Name, demand: Demand, economics: &Economics, timing: &Timing) -> Totals {
    let (mut state, start) = begins_at(policy, demand, economics);
    replay(&mut state, demand, economics, timing, &start, |_, _, _| {})
}

/// Replays these policies and finds their optima, on two threads.
pub fn compared(
    policies: &[Name],
    demand: Demand,
    economics: &Economics,
    timing: &Timing,
) -> Compared {
    let best = |start: &Simulation| optimum(demand.per_s, economics, timing, start);
    std::thread::scope(|threads| {
        let from_function = threads.spawn(|| best(&Simulation::function()));
        let totals: Vec<_> =
            policies.iter().map(|policy| run(*policy, demand, economics, timing)).collect();
        let (_, tasks) = begins_at(Name::AlwaysTasks, demand, economics);
        let from_tasks = match policies.contains(&Name::AlwaysTasks) {
            true => best(&tasks).cost,
            false => 0,
        };
        let optimum = from_function.join().expect("the optimum does not panic");
        let line = |(&policy, totals)| Line {
            policy,
            totals,
            optimum: if policy == Name::AlwaysTasks { from_tasks } else { optimum.cost },
        };
        let lines = policies.iter().zip(totals).map(line).collect();
        Compared { optimum, lines }
    })
}
