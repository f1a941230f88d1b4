//! From what happened to what is billed: AWS's steps, minimums and maximums, each rule once.
//!
//! The twin's meters count by these, and so does whoever writes a bill by hand.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::InstanceType;

/// 1 GB of memory, in the MB it is configured by. Source: aws.amazon.com/lambda/pricing and
/// aws.amazon.com/fargate/pricing, their worked examples.
pub const MB_PER_GB: u32 = 1024;

/// One step of an HTTP API's meter. Source: aws.amazon.com/api-gateway/pricing.
const HTTP_API_STEP_BYTES: u64 = 512 * 1024;
/// One step of a WebSocket API's meter, of messages in either direction. Source: as above.
const MESSAGE_STEP_BYTES: u64 = 32 * 1024;
/// Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html.
const WRITE_UNIT_BYTES: u64 = 1024;
/// Source: as above.
const READ_UNIT_BYTES: u64 = 4 * 1024;
/// Of a task's disk, without a price. Source: aws.amazon.com/fargate/pricing.
const FREE_TASK_DISK_GB: u32 = 20;
/// Of a function's `/tmp`, without a price. Source: aws.amazon.com/lambda/pricing.
const FREE_FUNCTION_DISK_MB: u32 = 512;
/// What is billed of a task or a Linux instance at least. Source: aws.amazon.com/fargate/pricing,
/// aws.amazon.com/ec2/pricing/on-demand.
const SHORTEST_LIFE_S: u64 = 60;
/// Rules a listener evaluates without a price. Source: aws.amazon.com/elasticloadbalancing/pricing.
const FREE_RULES: u32 = 10;

/// Milliseconds billed of a function that ran this long: rounded up.
/// Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
pub fn function_ms(ran: Duration) -> u64 {
    u64::try_from(ran.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// GB-seconds of so many milliseconds of a function with so much memory.
pub fn function_gb_seconds(ms: u64, memory_mb: u32) -> Decimal {
    Decimal::from(ms) * Decimal::from(memory_mb) / Decimal::from(1000 * MB_PER_GB)
}

/// GB-seconds of a function's `/tmp` beyond the 512 MB that are free.
pub fn function_disk_gb_seconds(ms: u64, disk_mb: u32) -> Decimal {
    function_gb_seconds(ms, disk_mb.saturating_sub(FREE_FUNCTION_DISK_MB))
}

/// Seconds billed of a task, from the pull of its image to its end, or of a Linux instance: rounded
/// up, a minute at least.
pub fn billed_seconds(lived: Duration) -> u64 {
    (lived.as_secs() + u64::from(lived.subsec_nanos() > 0)).max(SHORTEST_LIFE_S)
}

/// GB billed of a task's disk.
pub fn task_disk_gb(disk_gb: u32) -> u32 {
    disk_gb.saturating_sub(FREE_TASK_DISK_GB)
}

/// Requests an HTTP API counts for one call of this many bytes.
pub fn http_api_requests(bytes: u64) -> u64 {
    bytes.div_ceil(HTTP_API_STEP_BYTES).max(1)
}

/// Messages a WebSocket API counts for one of this many bytes.
pub fn web_socket_messages(bytes: u64) -> u64 {
    bytes.div_ceil(MESSAGE_STEP_BYTES).max(1)
}

/// Write units of one item of this many bytes, twice as many in a transaction.
pub fn write_units(bytes: u64, transaction: bool) -> u64 {
    bytes.div_ceil(WRITE_UNIT_BYTES).max(1) * if transaction { 2 } else { 1 }
}

/// How an item is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    EventuallyConsistent,
    StronglyConsistent,
    InTransaction,
}

/// Read units of one item of this many bytes.
pub fn read_units(bytes: u64, reading: Reading) -> Decimal {
    let units = Decimal::from(bytes.div_ceil(READ_UNIT_BYTES).max(1));
    match reading {
        Reading::EventuallyConsistent => units / Decimal::TWO,
        Reading::StronglyConsistent => units,
        Reading::InTransaction => units * Decimal::TWO,
    }
}

/// What a load balancer carried, on average over an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    pub new_connections_per_s: Decimal,
    /// Open at once.
    pub active_connections: Decimal,
    /// Both ways.
    pub gb_per_hour: Decimal,
    /// Of listener rules; see [`rule_evaluations`].
    pub evaluations_per_s: Decimal,
}

/// Capacity units of an application load balancer: the largest of its four dimensions. A unit holds
/// 1 GB an hour, and 0.4 GB where the targets are functions.
/// Source: aws.amazon.com/elasticloadbalancing/pricing.
pub fn capacity_units(carried: &Carried, to_functions: bool) -> Decimal {
    let gb = if to_functions { Decimal::new(4, 1) } else { Decimal::ONE };
    [
        carried.new_connections_per_s / Decimal::from(25),
        carried.active_connections / Decimal::from(3000),
        carried.gb_per_hour / gb,
        carried.evaluations_per_s / Decimal::from(1000),
    ]
    .into_iter()
    .max()
    .unwrap_or_default()
}

/// Rules evaluated a second that are billed: the first ten rules of a listener are free.
pub fn rule_evaluations(requests_per_s: Decimal, rules: u32) -> Decimal {
    requests_per_s * Decimal::from(rules.saturating_sub(FREE_RULES))
}

/// vCPU-hours that are charged beside the instance's hours when it runs in unlimited mode, from the
/// vCPUs in use in each hour of its life, the last one ending with its stop.
///
/// What is used beyond what was earned is borrowed, up to what the instance earns in a day, and paid
/// back by what it earns later; what is beyond that is charged at once, and what is still owed at
/// the stop then. Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide
/// /burstable-performance-instances-unlimited-mode-concepts.html.
pub fn surplus_vcpu_hours(kind: &InstanceType, busy: impl IntoIterator<Item = Decimal>) -> Decimal {
    let earned = kind.earned_vcpus();
    let a_day = earned * Decimal::from(24);
    // In unlimited mode there are no launch credits.
    let mut balance = Decimal::ZERO;
    let mut charged = Decimal::ZERO;
    for used in busy {
        balance = (balance + earned - used).min(a_day);
        let beyond = -a_day - balance;
        if beyond > Decimal::ZERO {
            charged += beyond;
            balance = -a_day;
        }
    }
    charged + (-balance).max(Decimal::ZERO)
}
