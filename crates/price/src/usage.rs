//! What a row uses whether or not it is called, and what each call uses.

use std::num::NonZeroU64;

use gearshift_gear::{Compute, Count, Dimension, Front, Origin, Row, Setup, SourceId, UsageLine};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PriceError;

/// Hours in a month of a bill: the AWS Pricing Calculator's convention, and the only one that
/// reproduces the published December 2021 table (720 h and 730.5 h do not).
pub const HOURS_PER_MONTH: u32 = 730;

/// [`HOURS_PER_MONTH`] in seconds.
pub const SECONDS_PER_MONTH: u32 = HOURS_PER_MONTH * 3600;

/// An instance's root disk, gp2: what the December 2021 table is computed with.
pub const ROOT_VOLUME_GB: u32 = 8;

const HOURS_SOURCE: &str = "AWS Pricing Calculator: 730 hours a month";
const DISK_SOURCE: &str = "teticio/latency, December 2021: 8 GB gp2 an instance";

/// What is billed every month without a single call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixedLine {
    pub dimension: Dimension,
    /// Per month, in [`Dimension::unit`]; not below zero.
    pub quantity: Decimal,
    pub origin: Origin,
}

/// What one call uses, on average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsagePerCall {
    pub dimension: Dimension,
    /// Per call, in [`Dimension::unit`]; not below zero.
    pub quantity: Decimal,
    pub origin: Origin,
}

/// A row's usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub fixed: Vec<FixedLine>,
    pub per_call: Vec<UsagePerCall>,
}

/// What a row uses each month before its first call: per instance its hours, its root disk and its
/// public address; nothing for functions behind an HTTP API.
///
/// An instance pool that gives no count has one instance, one with a range its lower end. Refuses
/// ([`PriceError::NoRule`]) what costs by the hour and has no dimension yet (load balancers,
/// tasks, pods, a cluster's control plane), and flex setups, whose cost follows their policy:
/// leaving those out would show them as free.
pub fn fixed_usage(row: &Row) -> Result<Vec<FixedLine>, PriceError> {
    let no_rule = |what: String| PriceError::NoRule { row: row.name.clone(), what };
    let Setup::Steady(gear) = &row.setup else {
        return Err(no_rule("shifting between two gears".to_owned()));
    };
    match gear.front {
        Front::Direct | Front::HttpApi => {}
        Front::LoadBalancer | Front::ClusterService | Front::Balancer => {
            return Err(no_rule(format!("a {}", gear.front)));
        }
    }
    let mut lines = Vec::new();
    for pool in &gear.pools {
        match &pool.compute {
            Compute::Instance(kind) => lines.extend(instances(kind, at_least(pool.count))),
            Compute::Function { .. } => {}
            other => return Err(no_rule(format!("a {other}"))),
        }
    }
    Ok(lines)
}

fn at_least(count: Count) -> u32 {
    match count {
        Count::PerRequest => 1,
        Count::Fixed(n) | Count::Range(n, _) => n,
    }
}

fn instances(kind: &str, count: u32) -> [FixedLine; 3] {
    let line = |dimension, each: u32, source: &str| FixedLine {
        dimension,
        quantity: Decimal::from(each) * Decimal::from(count),
        origin: Origin::Quoted(SourceId::from(source)),
    };
    [
        line(Dimension::InstanceHour(kind.to_owned()), HOURS_PER_MONTH, HOURS_SOURCE),
        line(Dimension::VolumeGbMonth, ROOT_VOLUME_GB, DISK_SOURCE),
        line(Dimension::PublicIpv4Hour, HOURS_PER_MONTH, HOURS_SOURCE),
    ]
}

/// What one call used on average, from what a provider would meter for `calls` calls. Lines of one
/// dimension are added up; what is billed by time (instances, disks, addresses) is left out, since
/// [`fixed_usage`] counts it. `origin` is where the lines come from.
pub fn per_call_usage(
    lines: &[UsageLine],
    calls: NonZeroU64,
    origin: &Origin,
) -> Vec<UsagePerCall> {
    let mut totals = std::collections::BTreeMap::<&Dimension, Decimal>::new();
    for line in lines.iter().filter(|line| !by_time(&line.dimension)) {
        *totals.entry(&line.dimension).or_default() += line.quantity;
    }
    let per_call = |(dimension, total): (&Dimension, Decimal)| UsagePerCall {
        dimension: dimension.clone(),
        quantity: total / Decimal::from(calls.get()),
        origin: origin.clone(),
    };
    totals.into_iter().map(per_call).collect()
}

fn by_time(dimension: &Dimension) -> bool {
    matches!(
        dimension,
        Dimension::InstanceHour(_) | Dimension::VolumeGbMonth | Dimension::PublicIpv4Hour
    )
}
