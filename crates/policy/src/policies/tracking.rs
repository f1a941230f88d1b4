//! Target tracking as AWS's service autoscaling does it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::economics::Economics;
use crate::step::Observation;

/// Share of a task's saturation that is aimed at: 70 %, the usual advice for services that nothing
/// catches when they are late.
const TARGET: f64 = 0.7;

/// Out: 3 data points of a minute in 3 minutes above the target. In: 15 in 15 minutes below 90 %
/// of it. Source: the alarms AWS makes, as its Fargate workshop shows them.
const OUT_MINUTES: usize = 3;
const IN_MINUTES: usize = 15;
const IN_SHARE: f64 = 0.9;

/// ECS's default, both ways. Source: API_TargetTrackingScalingPolicyConfiguration.
const COOLDOWN_S: i64 = 300;

/// Tasks by target tracking on the load of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    tasks: u32,
    /// Load of one task in each of the last minutes, requests a second.
    minutes: VecDeque<f64>,
    /// The minute that is not complete.
    minute: Vec<f64>,
    free_at_s: i64,
}

impl Tracking {
    /// Begins with so many tasks, at least one.
    pub fn new(tasks: u32) -> Self {
        Self {
            tasks: tasks.max(1),
            minutes: VecDeque::new(),
            minute: Vec::new(),
            free_at_s: i64::MIN,
        }
    }

    /// How many tasks it wanted last.
    pub fn tasks(&self) -> u32 {
        self.tasks
    }

    /// How many tasks to have.
    pub fn step(&mut self, economics: &Economics, seen: &Observation) -> u32 {
        let Some(per_s) = seen.per_s else { return self.tasks };
        self.minute.push(per_s);
        if (self.minute.len() as u32) * seen.tick_s < 60 {
            return self.tasks;
        }
        let mean = self.minute.iter().sum::<f64>() / self.minute.len() as f64;
        self.minute.clear();
        self.minutes.push_back(mean / f64::from(seen.world.serving.max(1)));
        if self.minutes.len() > IN_MINUTES {
            self.minutes.pop_front();
        }
        let target = TARGET * economics.task_per_s;
        let all = |count: usize, is: &dyn Fn(f64) -> bool| {
            self.minutes.len() >= count
                && self.minutes.iter().rev().take(count).all(|load| is(*load))
        };
        let out = all(OUT_MINUTES, &|load| load > target);
        let calm = all(IN_MINUTES, &|load| load < IN_SHARE * target);
        if (out || calm) && seen.at_s >= self.free_at_s {
            let wanted = (libm::ceil(mean / target) as u32).clamp(1, economics.max_tasks);
            if (out && wanted > self.tasks) || (calm && wanted < self.tasks) {
                self.tasks = wanted;
                self.free_at_s = seen.at_s + COOLDOWN_S;
            }
        }
        self.tasks
    }
}
