//! Usage → bill, with the interval that the speed of a core leaves.

use std::num::NonZeroU64;

use gearshift_calibrate::Factor;
use gearshift_gear::{Dimension, Known, Origin, Row, RunId, UsageLine};
use gearshift_price::{
    Bill, BreakEven, Candidate, PriceBook, PriceError, Usage, bill, break_even_with_units, combine,
    fixed_usage, per_call_usage,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use gearshift_results::{Ceiling, Latency, Money, RowResult};

/// A row's usage: what stands by the month, and what each call took on average.
pub fn row_usage(
    row: &Row,
    lines: &[UsageLine],
    calls: NonZeroU64,
    run: &RunId,
) -> Result<Usage, PriceError> {
    let origin = Origin::Measured { run: run.clone(), n: calls.get() };
    Ok(Usage { fixed: fixed_usage(row)?, per_call: per_call_usage(lines, calls, &origin) })
}

/// Milliseconds per call that the provider would bill a function of this size for.
pub fn billed_ms(result: &RowResult, memory_mb: u32) -> Option<Known<f64>> {
    let used = result.usage.iter().find(|line| line.dimension == Dimension::FunctionGbSecond)?;
    let calls = result.usage.iter().find(|line| line.dimension == Dimension::FunctionRequest)?;
    let (gb_s, calls_n) = (used.quantity.to_f64()?, calls.quantity.to_f64()?);
    let ms = gb_s / (f64::from(memory_mb) / 1024.0) / calls_n * 1e3;
    Some(Known::new(ms, result.latency.as_ref()?.p50_ms.origin.clone()))
}

/// How far a second-hand price may be off, as a part of it. Of seven that stand beside an extract of
/// the price list the worst is off by this; the importer of `crates/price` counts them.
const SECOND_HAND_OFF: Decimal = Decimal::from_parts(63, 0, 0, false, 3);

/// Bills at the low end, the middle and the high end of what a core's speed and prices of low
/// confidence leave open.
#[derive(Clone, Debug)]
pub struct Interval {
    pub low: Bill,
    pub middle: Bill,
    pub high: Bill,
}

impl Interval {
    /// Bills this usage in three ways. Handler time that ran here is longer on a slower vCPU; time
    /// that laws took is not.
    pub fn of(usage: &Usage, latency: Option<&Latency>, factor: &Factor, book: &PriceBook) -> Self {
        let here_share = latency.map_or(1.0, here_share_of_handler);
        let stretched = |end: f64, off: Decimal| {
            let stretch = 1.0 + here_share * (end / factor.value - 1.0);
            let stretch = Decimal::from_f64(stretch).unwrap_or(Decimal::ONE);
            let mut usage = usage.clone();
            for line in &mut usage.per_call {
                if line.dimension == Dimension::FunctionGbSecond {
                    line.quantity *= stretch;
                }
            }
            bill(usage, &book.doubted(off))
        };
        Self {
            low: stretched(factor.low, -SECOND_HAND_OFF),
            middle: bill(usage.clone(), book),
            high: stretched(factor.high, SECOND_HAND_OFF),
        }
    }

    pub fn money(&self) -> Money {
        let (month, million) = (self.middle.per_month_fixed(), self.middle.per_million_calls());
        let gap = [&month, &million].into_iter().find_map(|sum| sum.as_ref().err());
        let gap = gap.map(ToString::to_string);
        let million = million.ok().map(|million| {
            let ends = (self.low.per_million_calls(), self.high.per_million_calls());
            match ends {
                (Ok(low), Ok(high)) => million.within(low.value, high.value),
                _ => million,
            }
        });
        Money { bill: self.middle.clone(), month_usd: month.ok(), million_usd: million, gap }
    }
}

/// Of the handler's time, the share this machine's CPU made.
fn here_share_of_handler(latency: &Latency) -> f64 {
    let handler = latency.parts.iter().find(|part| part.name == "handler").map(|part| part.ms);
    let Some(handler_ms) = handler.filter(|ms| *ms > 0.0) else { return 1.0 };
    let inside = |name: &str| name.starts_with("ddb.") || name.starts_with("s3.");
    let stores_ms: f64 = latency
        .parts
        .iter()
        .filter(|part| part.kind == "declared" && inside(&part.name))
        .map(|part| part.ms)
        .sum();
    ((handler_ms - stores_ms) / handler_ms).clamp(0.0, 1.0)
}

/// A priced row for break-evens.
pub struct PricedRow {
    pub name: String,
    pub interval: Interval,
    /// None where a unit has no ceiling of its own.
    pub ceiling: Option<PerUnit>,
}

/// Requests a second of one unit, and the ends of what a core's speed leaves open.
#[derive(Clone, Copy, Debug)]
pub struct PerUnit {
    low: Decimal,
    middle: Decimal,
    high: Decimal,
}

/// One of the three ways to look at a row.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Cheap,
    Middle,
    Dear,
}

impl PerUnit {
    /// Of a ceiling above zero.
    pub fn of(ceiling: &Ceiling) -> Option<Self> {
        let per_s = &ceiling.sustained.per_s;
        let (low, high) = per_s.range.unwrap_or((per_s.value, per_s.value));
        let decimal = |per_s: f64| {
            Decimal::from_f64(per_s).map(|per_s| per_s.round_dp(3)).filter(|it| *it > Decimal::ZERO)
        };
        Some(Self { low: decimal(low)?, middle: decimal(per_s.value)?, high: decimal(high)? })
    }

    /// On average, where the busiest minute is so many times the mean.
    pub fn on_average(self, peak_over_mean: Decimal) -> Self {
        let mean = |per_s: Decimal| per_s.checked_div(peak_over_mean).unwrap_or(per_s);
        Self { low: mean(self.low), middle: mean(self.middle), high: mean(self.high) }
    }
}

impl PricedRow {
    /// Its bill and what a unit takes, a second.
    pub fn at(&self, end: End) -> (&Bill, Option<Decimal>) {
        let ceiling = self.ceiling.as_ref();
        match end {
            End::Cheap => (&self.interval.low, ceiling.map(|per_s| per_s.high)),
            End::Middle => (&self.interval.middle, ceiling.map(|per_s| per_s.middle)),
            End::Dear => (&self.interval.high, ceiling.map(|per_s| per_s.low)),
        }
    }

    pub fn candidate(&self, end: End) -> Candidate {
        let (bill, ceiling_per_s) = self.at(end);
        Candidate { name: self.name.clone(), bill: bill.clone(), ceiling_per_s }
    }
}

/// The break-even of two rows, with an interval from the ends of both.
pub fn break_even(a: &PricedRow, b: &PricedRow) -> BreakEven {
    let of =
        |a_end: End, b_end: End| break_even_with_units(&a.candidate(a_end), &b.candidate(b_end));
    let middle = of(End::Middle, End::Middle);
    // The extremes: one row at its cheapest while the other is at its dearest.
    let one = of(End::Cheap, End::Dear);
    let other = of(End::Dear, End::Cheap);
    combine(&one, middle, &other)
}
