//! What a row has used, in the units in which AWS bills it.

use gearshift_gear::{Caller, Dimension, UsageLine};
use gearshift_stores::Metered;
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::plane::wire::Crossed;

/// These quantities as used since this time.
pub(super) fn usage_lines(since: Timestamp, quantities: Metered) -> Vec<UsageLine> {
    let now = Timestamp::now();
    let line = |(dimension, quantity)| UsageLine {
        dimension,
        quantity,
        window: (since, now),
        complete_until: now,
    };
    summed(quantities).into_iter().map(line).collect()
}

/// Each dimension once: two pools of one instance type are one line of a bill.
fn summed(quantities: Metered) -> Metered {
    let mut sums = Metered::new();
    for (dimension, quantity) in quantities {
        match sums.iter_mut().find(|(of, _)| *of == dimension) {
            Some((_, sum)) => *sum += quantity,
            None => sums.push((dimension, quantity)),
        }
    }
    sums
}

/// AWS counts a gigabyte as 2^30 bytes.
pub(super) fn gigabytes(bytes: u64) -> Decimal {
    Decimal::from(bytes) / Decimal::from(1u64 << 30)
}

/// Hours of this many seconds.
pub(super) fn hours(seconds: f64) -> Decimal {
    Decimal::from_f64(seconds / 3600.0).unwrap_or_default()
}

/// The traffic between a caller who stands there and instances or tasks.
pub(super) fn traffic(caller: Caller, crossed: Crossed) -> Metered {
    match caller {
        Caller::SameSubnet => Metered::new(),
        Caller::Region => {
            let both_ways = crossed.bytes_in + crossed.bytes_out;
            vec![(Dimension::CrossAzGb, gigabytes(both_ways))]
        }
        Caller::Home => vec![(Dimension::InternetEgressGb, gigabytes(crossed.bytes_out))],
    }
}
