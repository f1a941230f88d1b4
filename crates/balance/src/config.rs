//! What a pool can be told. The defaults are those of an Application Load Balancer (ALB).
//!
//! Sources, all in the *User Guide for Application Load Balancers* of AWS: health checks
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>,
//! routing and deregistration delay
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>,
//! timeouts
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How members are asked whether they are well. A new member is healthy after one passed check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for with GET, such as `/healthz?deep=1`; ALB's default is `/`.
    pub path: String,
    /// From the start of one check to the start of the next; ALB's default is 30 s. The first check
    /// of a member starts at once.
    pub interval: Duration,
    /// How long an answer's head may take, connecting included; ALB's default is 5 s. A check that
    /// outlasts the interval delays the next one.
    pub timeout: Duration,
    /// Passed checks in a row that an unhealthy member needs; ALB's default is 5. 0 is read as 1.
    pub healthy_after: u32,
    /// Failed checks in a row that make a member unhealthy; ALB's default is 2. 0 is read as 1.
    pub unhealthy_after: u32,
    /// The statuses that pass; ALB's default is 200 alone.
    pub statuses: RangeInclusive<u16>,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".into(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_after: 5,
            unhealthy_after: 2,
            statuses: 200..=200,
        }
    }
}

/// Which of the members that take requests gets the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routing {
    /// The one whose last request lies furthest back; ALB's default.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight; of several, as with `RoundRobin`.
    LeastOutstanding,
}

/// All that a pool can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    pub health: HealthCheck,
    pub routing: Routing,
    /// How long a member that left the list may finish what it has; ALB's default is 300 s.
    pub deregistration_delay: Duration,
    /// How long connecting to a member may take; ALB's is 10 s.
    pub connect_timeout: Duration,
    /// How long member and client may both be silent within a request, and how long a connection is
    /// kept without one; ALB's default is 60 s. Each piece of a body starts it anew.
    pub idle_timeout: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            health: HealthCheck::default(),
            routing: Routing::default(),
            deregistration_delay: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
        }
    }
}
