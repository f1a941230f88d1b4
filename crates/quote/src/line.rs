//! One line of a quote.

use gearshift_price::{Bill, BillLine, Confidence, Group};
use rust_decimal::Decimal;
use serde::Serialize;

/// One row's month.
#[derive(Clone, Debug, Serialize)]
pub struct QuoteLine {
    pub row: String,
    /// Of what is billed by the hour; none: a unit serves any number.
    pub units: Option<u64>,
    /// US dollars a month by column of the bill; none: a price of it is missing.
    pub groups: Vec<(Group, Option<Decimal>)>,
    pub sums: Option<Sums>,
    /// Why there are none.
    pub gap: Option<String>,
    /// What a reader should know beside the figures.
    pub note: Option<String>,
    /// Where a unit can do more for a while than the bill counts on.
    pub burst: Option<Burst>,
    /// Where the busiest minute is more than the row takes, however much is paid.
    pub beyond: Option<Beyond>,
    /// US dollars a month at each of [`Quote::volumes`]; empty where there is no price, and of what
    /// is shifted.
    pub curve: Vec<Decimal>,
}

/// A burstable unit.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Burst {
    /// All day: what units are counted by.
    pub sustained_per_s: f64,
    pub per_s: f64,
    /// While the credits last that it is launched with.
    pub minutes: f64,
}

/// What a row takes.
#[derive(Clone, Debug, Serialize)]
pub struct Beyond {
    pub ceiling_per_s: f64,
    pub set_by: String,
}

/// US dollars. Of what is shifted: fixed is nothing, a million calls cost what they do on average.
#[derive(Clone, Debug, Serialize)]
pub struct Sums {
    /// Without a call, by all units.
    pub fixed: Decimal,
    /// A million calls more, from as many units.
    pub million: Decimal,
    pub month: Decimal,
    /// What durations, capacities and prices leave open.
    pub low: Decimal,
    pub high: Decimal,
    /// One of its prices is of low confidence.
    pub doubtful: bool,
}

impl QuoteLine {
    /// Of a row, without anything known of it.
    pub(crate) fn of(row: &str) -> Self {
        Self {
            row: row.to_owned(),
            units: None,
            groups: Vec::new(),
            sums: None,
            gap: None,
            note: None,
            burst: None,
            beyond: None,
            curve: Vec::new(),
        }
    }
}

/// Whether one of the bill's prices is of low confidence.
pub(crate) fn doubtful(bill: &Bill) -> bool {
    let low = |price: &gearshift_price::Price| price.confidence == Confidence::Low;
    bill.lines.iter().filter_map(BillLine::price).any(low)
}
