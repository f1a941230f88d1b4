//! What each row costs at a volume, for the picture and its table.

use gearshift_price::{Bill, SECONDS_PER_MONTH};
use gearshift_results::{Results, RowResult, RowState};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::rows::in_order;

/// Steps drawn one by one; further ones lie closer than a picture shows.
const STEPS_DRAWN: u64 = 200;

/// A row with a price for every call.
pub(super) struct Priced<'a> {
    pub(super) name: &'a str,
    /// Its place in the results, which its colour follows.
    pub(super) index: usize,
    bill: &'a Bill,
    ceiling_per_s: Option<Decimal>,
}

/// US dollars a month, and how many units that takes.
pub(super) struct Cost {
    pub(super) usd: Decimal,
    pub(super) units: u64,
}

impl Priced<'_> {
    /// On steady traffic, with as many units as the ceiling asks for; none beyond known prices.
    pub(super) fn at(&self, calls_per_month: Decimal) -> Option<Cost> {
        let per_s = calls_per_month / Decimal::from(SECONDS_PER_MONTH);
        match self.ceiling_per_s {
            Some(ceiling) => {
                let cost = self.bill.monthly_with_units(calls_per_month, ceiling, per_s).ok()?;
                Some(Cost { usd: cost.usd.value, units: cost.units })
            }
            None => {
                let usd = self.bill.monthly(calls_per_month).ok()?.value;
                Some(Cost { usd, units: 1 })
            }
        }
    }

    /// Volumes at which one more unit begins, in calls a month.
    pub(super) fn steps(&self) -> Vec<Decimal> {
        let Some(ceiling) = self.ceiling_per_s else { return Vec::new() };
        let one = ceiling * Decimal::from(SECONDS_PER_MONTH);
        (1..=STEPS_DRAWN).filter_map(|units| one.checked_mul(units.into())).collect()
    }

    /// True where more calls can mean more units.
    pub(super) fn has_units(&self) -> bool {
        self.ceiling_per_s.is_some()
    }
}

/// The rows that can be drawn, in the order of the table.
pub(super) fn priced(results: &Results) -> Vec<Priced<'_>> {
    let rows = in_order(results).into_iter().filter(|row| row.state == RowState::Ok);
    rows.filter_map(|row| {
        let money = row.money.as_ref()?;
        money.month_usd.as_ref().and(money.million_usd.as_ref())?;
        let fixed = money.bill.lines.iter().any(|line| line.fixed);
        // Units multiply what stands by the month; a row without such lines costs the same.
        let ceiling = row.ceiling.as_ref().filter(|_| fixed);
        let ceiling_per_s =
            ceiling.and_then(|ceiling| Decimal::from_f64(ceiling.sustained.per_s.value));
        Some(Priced {
            name: &row.row,
            index: index(results, &row.row),
            bill: &money.bill,
            ceiling_per_s: ceiling_per_s.map(|per_s| per_s.round_dp(3)),
        })
    })
    .collect()
}

/// Rows that were measured and are not drawn, each with the reason in short.
pub(super) fn not_drawn(results: &Results) -> Vec<String> {
    let drawn = priced(results);
    let left_out = |row: &&RowResult| {
        row.state != RowState::Skipped && drawn.iter().all(|priced| priced.name != row.row)
    };
    let reason = |row: &RowResult| match row.state {
        RowState::Ok => {
            let gap = row.money.as_ref().and_then(|money| money.gap.clone());
            gap.unwrap_or_else(|| "no price".to_owned())
        }
        state => state.word().to_owned(),
    };
    let rows = in_order(results).into_iter().filter(left_out);
    rows.map(|row| format!("{}: {}", row.row, reason(row))).collect()
}

/// A row's place in the results, which its colour follows; skipped rows, of which nothing is drawn,
/// come after all others.
pub(super) fn index(results: &Results, name: &str) -> usize {
    let (drawn, skipped): (Vec<_>, Vec<_>) =
        results.rows.iter().partition(|row| row.state != RowState::Skipped);
    drawn.iter().chain(&skipped).position(|row| row.row == name).unwrap_or(0)
}

/// For plot coordinates only.
pub(super) fn float(value: Decimal) -> f64 {
    value.to_f64().unwrap_or(0.0)
}
