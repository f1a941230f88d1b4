//! What the simulated provider meters.

use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{Compute, Dimension, Gear, Side, Store, UsageLine};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::CloudConfig;
use crate::parts::MemberRecord;
use crate::record::RowRecord;

const MS_PER_HOUR: u32 = 3_600_000;
const MS_PER_S: u32 = 1000;

/// Everything metered for the row since it was made. Instances count from start to stop, functions
/// by request and by initialisation; a table store takes one write unit per request, as the sample
/// service does. Disks, addresses and traffic are not simulated.
pub(crate) fn usage(record: &RowRecord, config: &CloudConfig, now: Timestamp) -> Vec<UsageLine> {
    let now = (now - config.usage_lag).max(record.made_at);
    let mut quantities = Vec::new();
    for (side, gear) in record.spec.row.sides() {
        quantities.extend(of_side(record, side, gear, config, now));
    }
    let window = (record.made_at, now);
    let line =
        |(dimension, quantity)| UsageLine { dimension, quantity, window, complete_until: now };
    quantities.into_iter().map(line).collect()
}

fn of_side(
    record: &RowRecord,
    side: Side,
    gear: &Gear,
    config: &CloudConfig,
    now: Timestamp,
) -> Vec<(Dimension, Decimal)> {
    let requests = Decimal::from(record.requests_until(side, now));
    let mut quantities = Vec::new();
    for pool in &gear.pools {
        match &pool.compute {
            Compute::Instance(kind) => {
                let ms = total_ms(record, (side, pool.name()), |member| member.ran_until(now));
                let hours = ms / Decimal::from(MS_PER_HOUR);
                quantities.push((Dimension::InstanceHour(kind.clone()), hours));
            }
            Compute::Function { memory_mb } => {
                let gb = Decimal::from(*memory_mb) / Decimal::from(MB_PER_GB);
                let gb_s = |ms: Decimal| ms / Decimal::from(MS_PER_S) * gb;
                let request_ms = config.request.as_nanos().div_ceil(1_000_000);
                let request_ms = Decimal::from(u64::try_from(request_ms).unwrap_or(u64::MAX));
                let init = |of: &MemberRecord| of.listening_at.min(of.ran_until(now)).min(now);
                quantities.extend([
                    (Dimension::FunctionRequest, requests),
                    (Dimension::FunctionGbSecond, gb_s(requests * request_ms)),
                    (
                        Dimension::FunctionInitGbSecond,
                        gb_s(total_ms(record, (side, pool.name()), init)),
                    ),
                ]);
            }
            Compute::Task { host: Some(kind), .. } => {
                let ms = total_ms(record, (side, pool.name()), |member| member.ran_until(now));
                let hours = ms / Decimal::from(MS_PER_HOUR);
                quantities.push((Dimension::InstanceHour(kind.clone()), hours));
            }
            Compute::Task { milli_vcpu, memory_mb, spot, host: None } => {
                let ms = total_ms(record, (side, pool.name()), |member| member.ran_until(now));
                let hours = ms / Decimal::from(MS_PER_HOUR);
                let (vcpu, gb) = Dimension::of_task(*spot);
                quantities.push((vcpu, hours * Decimal::new(milli_vcpu.0.into(), 3)));
                quantities.push((gb, hours * Decimal::from(*memory_mb) / Decimal::from(MB_PER_GB)));
            }
            // `can` refuses these: there is no dimension to meter them by.
            Compute::Pod { .. } => {}
        }
    }
    quantities.extend(gear.front.request().map(|dimension| (dimension, requests)));
    if gear.store == Store::Table {
        quantities.push((Dimension::TableWriteUnit, requests));
    }
    quantities
}

/// Milliseconds from start to `end` of this pool's members, each rounded up; nothing for those that
/// end before they start.
fn total_ms(
    record: &RowRecord,
    pool: (Side, &str),
    end: impl Fn(&MemberRecord) -> Timestamp,
) -> Decimal {
    let members = record.members.iter().filter(|member| (member.side, &*member.pool) == pool);
    let ms = |member: &MemberRecord| {
        let ran_ns = end(member).duration_since(member.started_at).as_nanos().max(0);
        Decimal::from(u64::try_from(ran_ns).unwrap_or(u64::MAX).div_ceil(1_000_000))
    };
    members.map(ms).sum()
}
