//! The one step function that every policy goes through, live and replayed.

use serde::{Deserialize, Serialize};

use crate::economics::{Economics, NanoUsd};
use crate::policies::{Alarms, Flex, Hysteresis, Lcp, Tracking};
use crate::timing::Timing;
use crate::world::{Simulation, Tick, Want};

/// What a policy is told at the beginning of a tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Seconds since 1970 at which the tick begins.
    pub at_s: i64,
    /// Length of a tick; that of [`Timing::tick_s`].
    pub tick_s: u32,
    /// Requests a second of the last complete tick; none before the first has passed.
    pub per_s: Option<f64>,
    /// What stands.
    pub world: Simulation,
}

/// Why a policy wants what it wants, in money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What the other gear would save each hour at the load just seen; below zero: what it would
    /// cost more.
    pub saves_per_hour: NanoUsd,
    /// What moving there costs.
    pub move_costs: NanoUsd,
    /// The load is near what the function can take, so that money does not decide.
    pub full: bool,
}

/// A policy and all it remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All requests to the function, for ever.
    AlwaysFunction,
    /// Tasks behind the load balancer for ever, their number by target tracking.
    AlwaysTasks(Tracking),
    /// Between one task and the function, by alarms with given thresholds.
    Alarms(Alarms),
    /// Between the gears at the break-even, with a band around it; tasks by target tracking.
    Hysteresis(Hysteresis),
    /// Lazy capacity provisioning.
    Lcp(Lcp),
    /// Hours of the load balancer by forecast, see [`Flex::planner`].
    Planner(Flex),
    /// The default.
    Flex(Flex),
}

/// A decision in one sentence of money.
pub fn explain(want: &Want, tick: &Tick, reason: &Reason) -> String {
    let usd = |nano: NanoUsd, digits: usize| format!("${:.digits$}", nano as f64 / 1e9);
    let saves = Some(reason.saves_per_hour).filter(|saves| *saves > 0).map(|saves| usd(saves, 4));
    let costs = usd(reason.move_costs, 3);
    if reason.full && matches!(want, Want::Tasks(_)) {
        return match tick.shifts {
            0 => "ask for a load balancer: the function is nearly full".to_owned(),
            _ => "move to the load balancer: the function is nearly full".to_owned(),
        };
    }
    match (want, tick.shifts > 0) {
        (Want::Tasks(tasks), true) => {
            let tasks = match tasks {
                0 => "the function behind it".to_owned(),
                1 => "1 task".to_owned(),
                tasks => format!("{tasks} tasks"),
            };
            let why = match saves {
                Some(saves) => format!("saves {saves}/h, moving costs {costs}"),
                None => "its hour is paid for".to_owned(),
            };
            format!("move to the load balancer, {tasks}: {why}")
        }
        (Want::Tasks(_), false) => match saves {
            Some(saves) => {
                format!("ask for a load balancer: it would save {saves}/h, moving costs {costs}")
            }
            None => format!(
                "ask for a load balancer: the last minutes paid for it, moving costs {costs}"
            ),
        },
        (Want::Function, true) => match saves {
            Some(saves) => {
                format!("move to the function before the next hour is paid: saves {saves}/h")
            }
            None => "move to the function before the next hour is paid: the last one did not pay"
                .to_owned(),
        },
        (Want::Function, false) => {
            "stay on the function: the last minutes did not pay for a load balancer".to_owned()
        }
    }
}

/// One decision. The same state, economics and observation always give the same.
pub fn step(
    state: &mut State,
    economics: &Economics,
    timing: &Timing,
    seen: &Observation,
) -> (Want, Reason) {
    match state {
        State::AlwaysFunction => (Want::Function, Reason::default()),
        State::AlwaysTasks(tracking) => {
            (Want::Tasks(tracking.step(economics, seen)), Reason::default())
        }
        State::Alarms(alarms) => (alarms.step(seen), Reason::default()),
        State::Hysteresis(hysteresis) => (hysteresis.step(economics, seen), Reason::default()),
        State::Lcp(lcp) => lcp.step(economics, timing, seen),
        State::Planner(flex) | State::Flex(flex) => flex.step(economics, timing, seen),
    }
}

impl State {
    /// Whether busy tasks hand requests to the function.
    pub fn spills(&self) -> bool {
        matches!(self, Self::AlwaysFunction | Self::Lcp(_) | Self::Planner(_) | Self::Flex(_))
    }
}
