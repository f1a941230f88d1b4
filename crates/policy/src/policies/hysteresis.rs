//! Between the gears at the break-even, with a band around it.

use serde::{Deserialize, Serialize};

use crate::economics::Economics;
use crate::policies::Tracking;
use crate::step::Observation;
use crate::world::{Stage, Want};

/// The band: up at 120 % of the break-even, down at 80 %, each held for this long. A usual choice
/// for alarms made by hand; nothing here is derived, which is what it stands for.
const ABOVE: f64 = 1.2;
const BELOW: f64 = 0.8;
const UP_S: u32 = 300;
const DOWN_S: u32 = 1800;

/// Hysteresis around the break-even; tasks by target tracking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hysteresis {
    up: bool,
    held_s: u32,
    tracking: Tracking,
}

impl Hysteresis {
    /// Begins at the function.
    pub fn new() -> Self {
        Self { up: false, held_s: 0, tracking: Tracking::new(1) }
    }

    /// Where to be.
    pub fn step(&mut self, economics: &Economics, seen: &Observation) -> Want {
        let Some(per_s) = seen.per_s else { return Want::Function };
        let even = economics.break_even_per_s();
        let turning = if self.up { per_s < BELOW * even } else { per_s > ABOVE * even };
        self.held_s = if turning { self.held_s + seen.tick_s } else { 0 };
        if self.held_s >= if self.up { DOWN_S } else { UP_S } {
            self.up = !self.up;
            self.held_s = 0;
            if self.up {
                let tasks = libm::ceil(per_s / (0.7 * economics.task_per_s)) as u32;
                self.tracking = Tracking::new(tasks.clamp(1, economics.max_tasks));
            }
        }
        if !self.up {
            return Want::Function;
        }
        match seen.world.stage {
            Stage::LoadBalancer => Want::Tasks(self.tracking.step(economics, seen)),
            _ => Want::Tasks(self.tracking.tasks()),
        }
    }
}

impl Default for Hysteresis {
    fn default() -> Self {
        Self::new()
    }
}
