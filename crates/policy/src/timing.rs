//! How long what is decided takes, in ticks.

use serde::{Deserialize, Serialize};

/// Delays of the world that a policy acts on, in ticks of [`Timing::tick_s`].
///
/// [`Timing::minutes`] has the sources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    pub tick_s: u32,
    /// From asking for a load balancer to its first request. It is billed from the asking.
    pub lb_ticks: u32,
    /// Share of requests at the load balancer in each tick after DNS was turned to it, until all
    /// are. The first is the tick in which the tasks start.
    pub ramp_up: Vec<f64>,
    /// Share still at the load balancer in each tick after DNS was turned away from it. Its tasks
    /// run this long; the last shares are zero while they drain.
    pub ramp_down: Vec<f64>,
    /// What a load balancer is billed by, whole and begun.
    pub hour_ticks: u32,
}

impl Timing {
    /// Ticks of a minute. A task needs one tick to start and one to stop, billed both.
    ///
    /// - load balancer: 3 min; "more than 2 minutes is very normal" (kubernetes #44695), whole
    ///   acceptance tests 231-267 s (terraform #11333);
    /// - start of a task: 19-35 s and two health checks 5 s apart (kulkarni, "Fargate start-up");
    /// - DNS: within 60 s on all of Route 53's servers, 60 s kept by callers (Route 53 FAQ and
    ///   developer guide, `resource-record-sets-editing`);
    /// - tasks drain until 5 min after DNS was turned: 60 s to spread, 60 s kept, late resolvers,
    ///   and requests in flight;
    /// - hours: elasticloadbalancing pricing, "each hour or partial hour".
    pub fn minutes() -> Self {
        Self {
            tick_s: 60,
            lb_ticks: 3,
            ramp_up: vec![0.0, 0.25, 0.75],
            ramp_down: vec![0.75, 0.25, 0.02, 0.0, 0.0],
            hour_ticks: 60,
        }
    }
}
