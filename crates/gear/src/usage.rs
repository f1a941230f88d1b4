//! What a provider would meter.

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Dimension;

/// Hours in a month of a bill: the AWS Pricing Calculator's convention, and the only one that
/// reproduces the published December 2021 table (720 h and 730.5 h do not).
pub const HOURS_PER_MONTH: u32 = 730;

/// Zones an internet-facing load balancer stands in at least, with a public address in each.
/// Source: docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html.
pub const LOAD_BALANCER_ZONES: u32 = 2;

/// What was used, as a provider's meter would count it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageLine {
    pub dimension: Dimension,
    /// In [`Dimension::unit`].
    pub quantity: Decimal,
    /// Start and end of what was counted.
    pub window: (Timestamp, Timestamp),
    /// Everything before this instant is in; a provider may still add what came later.
    pub complete_until: Timestamp,
}
