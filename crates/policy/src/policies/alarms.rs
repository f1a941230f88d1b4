//! Step alarms with given thresholds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::step::Observation;
use crate::world::{Stage, Want};

/// Up on many requests, down on few, to a fixed number of tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    /// More requests than this within `up_s` seconds: up.
    up_above: f64,
    up_s: u32,
    /// Fewer than this within `down_s` seconds: down.
    down_below: f64,
    down_s: u32,
    tasks: u32,
    /// Both alarms count what the function served, not all requests.
    function_only: bool,
    up: bool,
    /// Requests counted in each tick, the latest last.
    counts: VecDeque<f64>,
}

impl Alarms {
    /// LambdaFlex as published (okigan/lambdaflex @08f5c4b, `template.yml`): up on more than 100
    /// calls of the function in 5 min, down on fewer than 20 in 2 h, one task and no more. Both
    /// alarms watch the function, which is not called once DNS points to the load balancer.
    pub fn lambdaflex() -> Self {
        Self {
            up_above: 100.0,
            up_s: 300,
            down_below: 20.0,
            down_s: 7200,
            tasks: 1,
            function_only: true,
            up: false,
            counts: VecDeque::new(),
        }
    }

    /// Where to be.
    pub fn step(&mut self, seen: &Observation) -> Want {
        if let Some(per_s) = seen.per_s {
            let at_function = matches!(seen.world.stage, Stage::Function | Stage::Warming(_));
            let counted = if at_function || !self.function_only { per_s } else { 0.0 };
            self.counts.push_back(counted * f64::from(seen.tick_s));
            while self.counts.len() > (self.down_s / seen.tick_s).max(1) as usize {
                self.counts.pop_front();
            }
        }
        let within = |seconds: u32| -> Option<f64> {
            let ticks = (seconds / seen.tick_s).max(1) as usize;
            (self.counts.len() >= ticks).then(|| self.counts.iter().rev().take(ticks).sum())
        };
        if !self.up && within(self.up_s).is_some_and(|sum| sum > self.up_above) {
            self.up = true;
        } else if self.up && within(self.down_s).is_some_and(|sum| sum < self.down_below) {
            self.up = false;
        }
        if self.up { Want::Tasks(self.tasks) } else { Want::Function }
    }
}
