//! What a row uses whether or not it is called, and what each call uses.

use std::num::NonZeroU64;

use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{
    Compute, Count, Counted, Dimension, DiskDefault, Front, HOURS_PER_MONTH, LOAD_BALANCER_ZONES,
    NodeDefault, Origin, Row, Setup, SourceId, Store, UsageLine, instance_defaults,
};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PriceError;

/// [`HOURS_PER_MONTH`] in seconds.
pub const SECONDS_PER_MONTH: u32 = HOURS_PER_MONTH * 3600;

const HOURS_SOURCE: &str = "AWS Pricing Calculator: 730 hours a month";
const FILE_SOURCE: &str = "Amazon EFS user guide: metered sizes; hits keeps one file of 8 KiB";
/// What is billed every month without a single call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixedLine {
    pub dimension: Dimension,
    /// Per month, in [`Dimension::unit`]; not below zero.
    pub quantity: Decimal,
    /// Once for all units, as a load balancer is; else for each.
    #[serde(default)]
    pub shared: bool,
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
/// public address; per Fargate task what it is configured with and its public address; a load
/// balancer's hours and addresses; nothing for functions behind an HTTP API.
///
/// Our own balancer stands on an instance of its own; a cluster has a control plane, and each of its
/// pods a node, so pods that share one cost less than this says.
///
/// A pool that gives no count has one member, one with a range its lower end. Refuses
/// ([`PriceError::NoRule`]) flex setups, whose cost follows their policy: leaving it out would show
/// them as free.
pub fn fixed_usage(row: &Row) -> Result<Vec<FixedLine>, PriceError> {
    let Setup::Steady(gear) = &row.setup else {
        let what = "shifting between two gears".to_owned();
        return Err(PriceError::NoRule { row: row.name.clone(), what });
    };
    let defaults = instance_defaults();
    let own_disk = &defaults.instance_disk;
    let files = (gear.store == Store::File).then(counter_file);
    let mut lines = match gear.front {
        Front::Direct | Front::HttpApi | Front::RestApi => Vec::new(),
        Front::LoadBalancer => load_balancer().into(),
        Front::ClusterService => vec![control_plane()],
        Front::Balancer => instances(&defaults.balancer.kind, own_disk, 1).map(shared).into(),
    };
    for pool in &gear.pools {
        let count = at_least(pool.count);
        match &pool.compute {
            Compute::Instance(kind) => {
                lines.extend(instances(kind, own_disk, count));
            }
            Compute::Task { host: Some(kind), .. } => {
                lines.extend(instances(kind, &defaults.ecs_disk, count));
            }
            Compute::Task { milli_vcpu, memory_mb, spot, host: None } => {
                lines.extend(tasks(milli_vcpu.0, *memory_mb, *spot, count));
            }
            Compute::Function { .. } => {}
            Compute::Pod { .. } => {
                let NodeDefault { kind, disk_gb: gb, source } = defaults.node.clone();
                lines.extend(instances(&kind, &DiskDefault { gb, source }, count));
            }
        }
    }
    lines.extend(files);
    Ok(lines)
}

/// What `hits` keeps: 8 KiB of data and the metadata of a file and of a directory, 2 KiB each.
/// Source: docs.aws.amazon.com/efs/latest/ug/metered-sizes.html.
fn counter_file() -> FixedLine {
    const KIB: u32 = 8 + 2 * 2;
    FixedLine {
        dimension: Dimension::FileGbMonth,
        quantity: Decimal::from(KIB) / Decimal::from(1024 * 1024),
        shared: true,
        origin: Origin::Quoted(SourceId::from(FILE_SOURCE)),
    }
}

fn load_balancer() -> [FixedLine; 2] {
    [
        shared(by_the_hour(Dimension::LoadBalancerHour, Decimal::ONE)),
        shared(by_the_hour(Dimension::PublicIpv4Hour, LOAD_BALANCER_ZONES.into())),
    ]
}

/// Once for all units.
fn shared(line: FixedLine) -> FixedLine {
    FixedLine { shared: true, ..line }
}

fn control_plane() -> FixedLine {
    shared(by_the_hour(Dimension::ClusterHour, Decimal::ONE))
}

fn tasks(milli_vcpu: u32, memory_mb: u32, spot: bool, count: u32) -> [FixedLine; 3] {
    let (vcpu, memory) = Dimension::of_task(spot);
    let count = Decimal::from(count);
    [
        by_the_hour(vcpu, Decimal::new(milli_vcpu.into(), 3) * count),
        // A task's 512 MB are half a GB: AWS counts memory in steps of 1,024.
        by_the_hour(memory, Decimal::from(memory_mb) / Decimal::from(MB_PER_GB) * count),
        by_the_hour(Dimension::PublicIpv4Hour, count),
    ]
}

/// This many, all month.
fn by_the_hour(dimension: Dimension, many: Decimal) -> FixedLine {
    FixedLine {
        dimension,
        quantity: many * Decimal::from(HOURS_PER_MONTH),
        shared: false,
        origin: Origin::Quoted(SourceId::from(HOURS_SOURCE)),
    }
}

fn at_least(count: Count) -> u32 {
    match count {
        Count::PerRequest => 1,
        Count::Fixed(n) | Count::Range(n, _) => n,
    }
}

fn instances(kind: &str, disk: &DiskDefault, count: u32) -> [FixedLine; 3] {
    let count = Decimal::from(count);
    [
        by_the_hour(Dimension::InstanceHour(kind.to_owned()), count),
        FixedLine {
            dimension: Dimension::VolumeGbMonth,
            quantity: Decimal::from(disk.gb) * count,
            shared: false,
            origin: Origin::Quoted(SourceId::from(disk.source.as_str())),
        },
        by_the_hour(Dimension::PublicIpv4Hour, count),
    ]
}

/// What one call used on average, from what a provider would meter for `calls` calls. Lines of one
/// dimension are added up; what is billed by time is left out: instances, disks and addresses stand in
/// [`fixed_usage`], what is kept (images, logs, items) grows with time and not with calls. `origin` is
/// where the lines come from.
pub fn per_call_usage(
    lines: &[UsageLine],
    calls: NonZeroU64,
    origin: &Origin,
) -> Vec<UsagePerCall> {
    let mut totals = std::collections::BTreeMap::<&Dimension, Decimal>::new();
    for line in lines.iter().filter(|line| line.dimension.entry().counted == Counted::ByUse) {
        *totals.entry(&line.dimension).or_default() += line.quantity;
    }
    let per_call = |(dimension, total): (&Dimension, Decimal)| UsagePerCall {
        dimension: dimension.clone(),
        quantity: total / Decimal::from(calls.get()),
        origin: origin.clone(),
    };
    totals.into_iter().map(per_call).collect()
}
