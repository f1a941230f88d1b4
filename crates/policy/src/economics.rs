//! What things cost, in integers, so that a replay is the same to the last digit.

use serde::{Deserialize, Serialize};

use crate::overflow::overflow;

/// Billionths of a US dollar.
pub type NanoUsd = i64;

/// Billionths of a thousandth of a US dollar: what one request costs.
pub type PicoUsd = i64;

/// What a flex setup's parts cost and serve. Computed from a price book and a measured service by
/// whoever asks; this crate knows no provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Economics {
    /// One request through the low gear's own front: front, call, duration.
    pub function_request: PicoUsd,
    /// One request that reached the load balancer and is served by the function: call and
    /// duration, and what the load balancer counts more for such a target.
    pub spill_request: PicoUsd,
    /// What the load balancer's capacity units add for a request.
    pub lb_request: PicoUsd,
    /// A started hour of the load balancer with its addresses.
    pub lb_hour: NanoUsd,
    /// An hour of one task with its address.
    pub task_hour: NanoUsd,
    /// Requests a second at which one task is saturated.
    pub task_per_s: f64,
    /// Variance of the requests in one second over their mean.
    pub burstiness: f64,
    /// What the operator would pay to be spared one shift.
    pub shift: NanoUsd,
    /// Tasks that may run at once.
    pub max_tasks: u32,
    /// Requests a second that the function can take (account limits); none: as many as come.
    pub function_per_s: Option<f64>,
}

/// The share of its saturation that a task is given before requests spill: 90 %, since what
/// queues above it is served by the function instead of late.
pub const SAFE_SHARE: f64 = 0.9;

/// Variance over mean of requests per second, measured on Azure's and Twitter's traces at one
/// second; arrivals that know nothing of each other have 1.
pub const BURSTINESS: f64 = 1.5;

impl Economics {
    /// Requests a second that one task serves before others spill.
    pub fn safe_per_s(&self) -> f64 {
        self.task_per_s * SAFE_SHARE
    }

    /// Requests a second that are served by the function when `per_s` reach the load balancer on
    /// average, spread as [`Self::burstiness`] says, and `tasks` serve.
    pub fn spilled_per_s(&self, per_s: f64, tasks: u32) -> f64 {
        self.spilled_of_spread(per_s, self.burstiness * per_s, tasks)
    }

    /// As [`Self::spilled_per_s`], for requests in a second that vary by `variance`.
    pub fn spilled_of_spread(&self, per_s: f64, variance: f64, tasks: u32) -> f64 {
        overflow(per_s, variance, f64::from(tasks) * self.safe_per_s())
    }

    /// Requests a second that are refused where nothing spills: beyond what saturates `tasks`.
    pub fn refused_per_s(&self, per_s: f64, tasks: u32) -> f64 {
        overflow(per_s, self.burstiness * per_s, f64::from(tasks) * self.task_per_s)
    }

    /// The rate above which a load balancer and its first task are cheaper than the function,
    /// requests a second; infinite where they never are.
    pub fn break_even_per_s(&self) -> f64 {
        let saved = (self.function_request - self.lb_request) as f64;
        let per_hour = (self.lb_hour + self.task_hour) as f64 * 1000.0;
        if saved > 0.0 { per_hour / (3600.0 * saved) } else { f64::INFINITY }
    }
}

/// `per_s` for `seconds` at `each`, rounded.
pub(crate) fn requests(per_s: f64, seconds: u32, each: PicoUsd) -> NanoUsd {
    libm::round(per_s * f64::from(seconds) * each as f64 / 1000.0) as NanoUsd
}
