//! What rows that were measured cost at other volumes, shapes, sizes and in other regions.

use std::collections::BTreeMap;

use gearshift_calibrate::{Factor, provider_of};
use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{CATALOGUE, Compute, Count, Dimension, Row, Setup};
use gearshift_price::{
    BillLine, BreakEven, Candidate, Confidence, Gap, Group, MAX_UNITS, Price, PriceBook, PriceDate,
    SECONDS_PER_MONTH, Usage, UsagePerCall, Winners, fixed_usage, units, winners,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::bills::{End, Interval, PerUnit, PricedRow, break_even};
use gearshift_results::{Pair, Results, RowResult, RowState};

use crate::line::doubtful;
use crate::shifted::shifted;
use crate::{Beyond, Burst, QuoteError, QuoteLine, Scenario, Sums};

/// All answers.
#[derive(Clone, Debug, Serialize)]
pub struct Quote {
    /// Whose usage, durations and ceilings these are.
    pub run: String,
    pub region: String,
    pub calls_per_month: Decimal,
    /// Such as `office hours`.
    pub shape: String,
    /// On average.
    pub per_s: f64,
    /// In the busiest minute of the shape.
    pub peak_per_s: f64,
    /// What was asked that the run did not measure, in words.
    pub what_if: Vec<String>,
    pub free_tier: bool,
    /// The cheapest first, those without a price last.
    pub lines: Vec<QuoteLine>,
    /// Calls a month that curves are given at, evenly on a log scale.
    pub volumes: Vec<u64>,
    pub break_evens: Vec<Pair>,
    /// Who is cheapest from where on, of the rows that have a price; none where that cannot be said.
    pub winners: Option<Winners>,
    pub prices_used: usize,
    /// When the oldest and the newest of them took effect or were seen; none without prices.
    pub prices_of: Option<[PriceDate; 2]>,
    /// Prices that only a second-hand note gives.
    pub low_confidence: Vec<String>,
    /// Prices that could not be fetched anew.
    pub stale: Vec<String>,
}

struct Quoted {
    priced: PricedRow,
    units: bool,
    burst: Option<Burst>,
    beyond: Option<Beyond>,
}

/// Quotes every valid row of `results` whose setup the catalogue knows.
pub fn quote(results: &Results, book: &PriceBook, scenario: &Scenario) -> Quote {
    let volumes = volumes();
    let billing = if scenario.free_tier { book.with_free_tier() } else { book.clone() };
    let mut lines = Vec::new();
    let mut quoted = Vec::new();
    for row in results.rows.iter().filter(|row| row.state == RowState::Ok) {
        match quoted_row(row, results, &billing, scenario) {
            Ok(Some(row)) => quoted.push(row),
            Ok(None) => {}
            Err(gap) => {
                lines.push(QuoteLine { gap: Some(gap.to_string()), ..QuoteLine::of(&row.row) })
            }
        }
    }
    lines.extend(quoted.iter().map(|row| line(row, &volumes, scenario)));
    let bill_of = |name: &str| {
        let row = quoted.iter().find(|row| row.priced.name == name)?;
        Some(&row.priced.interval.middle)
    };
    lines.extend(shifted(results, bill_of, book, scenario));
    lines.sort_by_key(|line| line.sums.as_ref().map_or(Decimal::MAX, |sums| sums.month));
    let rows: Vec<&PricedRow> = quoted.iter().map(|row| &row.priced).collect();
    let mut break_evens = Vec::new();
    for (at, a) in rows.iter().enumerate() {
        for b in &rows[at + 1..] {
            let meets = break_even(a, b);
            if !matches!(meets, BreakEven::Unknown(_)) {
                break_evens.push(Pair { a: a.name.clone(), b: b.name.clone(), break_even: meets });
            }
        }
    }
    let candidates: Vec<Candidate> = rows.iter().map(|row| row.candidate(End::Middle)).collect();
    let prices: BTreeMap<String, &Price> = rows
        .iter()
        .flat_map(|row| &row.interval.middle.lines)
        .filter_map(BillLine::price)
        .map(|price| (price.dimension.to_string(), price))
        .collect();
    let which = |is: fn(&Price) -> bool| {
        prices.iter().filter(|(_, price)| is(price)).map(|(what, _)| what.clone()).collect()
    };
    let dates = || prices.values().map(|price| &price.effective);
    let per_s = scenario.per_s().to_f64().unwrap_or(0.0);
    Quote {
        run: results.run.to_string(),
        region: book.name().to_owned(),
        calls_per_month: scenario.calls_per_month,
        shape: scenario.shape.name().to_owned(),
        per_s,
        peak_per_s: per_s * scenario.shape.peak_over_mean(),
        what_if: scenario.what_if(),
        free_tier: scenario.free_tier,
        lines,
        volumes,
        break_evens,
        winners: winners(&candidates, 1..most_calls(&candidates)).ok(),
        prices_used: prices.len(),
        prices_of: dates().min().cloned().zip(dates().max().cloned()).map(<[_; 2]>::from),
        low_confidence: which(|price| price.confidence == Confidence::Low),
        stale: which(|price| price.stale_since.is_some()),
    }
}

/// A row's bills; none where the run has no money for it, an error where a rule is missing.
fn quoted_row(
    result: &RowResult,
    results: &Results,
    book: &PriceBook,
    scenario: &Scenario,
) -> Result<Option<Quoted>, QuoteError> {
    let Some(money) = &result.money else { return Ok(None) };
    let Ok(row) = CATALOGUE.row(&result.row) else { return Ok(None) };
    let mut row = row.clone();
    set_spot(&mut row, scenario.spot);
    let mut fixed = fixed_usage(&row)?;
    if scenario.shared_lb && fixed.iter().any(|line| line.dimension == Dimension::LoadBalancerHour)
    {
        // Its hours and its own addresses; a task's address stays.
        fixed.retain(|line| {
            !(line.shared
                && matches!(
                    line.dimension,
                    Dimension::LoadBalancerHour | Dimension::PublicIpv4Hour
                ))
        });
    }
    let per_call = money.bill.lines.iter().filter(|line| !line.fixed).map(|line| UsagePerCall {
        dimension: line.dimension.clone(),
        quantity: quantity(line, &row, scenario),
        origin: line.origin.clone(),
    });
    let usage = Usage { fixed, per_call: per_call.collect() };
    let provider = provider_of(&row).reference().name;
    let core = results.cores.iter().find(|core| core.provider == provider);
    let factor = match core.filter(|_| scenario.duration_ms.is_none()) {
        Some(core) => Factor {
            value: core.factor,
            low: core.low,
            high: core.high,
            ..Factor::unknown("of a run")
        },
        None => Factor::unknown("given"),
    };
    let interval = Interval::of(&usage, result.latency.as_ref(), &factor, book);
    let units = row.has_units();
    let ceiling = result.ceiling.as_ref().filter(|_| units);
    let burst = ceiling.and_then(|ceiling| {
        Some(Burst {
            sustained_per_s: ceiling.sustained.per_s.value,
            per_s: ceiling.burst.as_ref()?.per_s.value,
            minutes: ceiling.burst_minutes?,
        })
    });
    let ceiling = ceiling.and_then(PerUnit::of);
    let ceiling = ceiling.map(|per_unit| per_unit.on_average(scenario.peak_over_mean()));
    let peak_per_s = scenario.per_s() * scenario.peak_over_mean();
    let whole = result.ceiling.as_ref().filter(|_| !units).map(|ceiling| &ceiling.sustained);
    let beyond = whole.filter(|ceiling| peak_per_s.to_f64() > Some(ceiling.per_s.value));
    let beyond = beyond.map(|ceiling| Beyond {
        ceiling_per_s: ceiling.per_s.value,
        set_by: ceiling.set_by.clone(),
    });
    let priced = PricedRow { name: row.name.clone(), interval, ceiling };
    Ok(Some(Quoted { priced, units, burst, beyond }))
}

fn set_spot(row: &mut Row, wanted: Option<bool>) {
    let (Some(wanted), Setup::Steady(gear)) = (wanted, &mut row.setup) else { return };
    for pool in gear.pools.iter_mut() {
        if let Compute::Task { spot, host: None, .. } = &mut pool.compute {
            *spot = wanted;
        }
        if pool.count == Count::PerRequest {
            break;
        }
    }
}

/// What a call uses, with another size or duration of a function.
fn quantity(line: &BillLine, row: &Row, scenario: &Scenario) -> Decimal {
    let Some(measured_mb) = row.function_memory_mb() else { return line.quantity };
    if line.dimension != Dimension::FunctionGbSecond {
        return line.quantity;
    }
    let memory = Decimal::from(scenario.memory_mb.unwrap_or(measured_mb));
    match scenario.duration_ms {
        Some(ms) => ms.ceil() / Decimal::from(1000) * memory / Decimal::from(MB_PER_GB),
        None => line.quantity * memory / Decimal::from(measured_mb),
    }
}

fn line(quoted: &Quoted, volumes: &[u64], scenario: &Scenario) -> QuoteLine {
    let row = &quoted.priced;
    let calls = scenario.calls_per_month;
    let units = row.at(End::Middle).1.map_or(Ok(1), |each| units(each, scenario.per_s()));
    let units = units.map_err(Gap::from);
    let group = |group: Group| {
        let usd = row.interval.middle.group_monthly(group, calls, *units.as_ref().ok()?);
        usd.ok().map(|usd| usd.value)
    };
    let sums = units.clone().and_then(|units| sums(row, units, scenario));
    let curve = volumes.iter().map_while(|calls| month(row, End::Middle, (*calls).into()).ok());
    QuoteLine {
        row: row.name.clone(),
        units: units.as_ref().ok().filter(|_| quoted.units).copied(),
        groups: Group::ALL.iter().map(|one| (*one, group(*one))).collect(),
        gap: sums.as_ref().err().map(ToString::to_string),
        curve: if sums.is_ok() { curve.collect() } else { Vec::new() },
        sums: sums.ok(),
        note: None,
        burst: quoted.burst,
        beyond: quoted.beyond.clone(),
    }
}

/// US dollars a month.
fn month(row: &PricedRow, end: End, calls: Decimal) -> Result<Decimal, Gap> {
    let (bill, ceiling_per_s) = row.at(end);
    let per_s = calls / Decimal::from(SECONDS_PER_MONTH);
    match ceiling_per_s {
        Some(each) => Ok(bill.monthly_with_units(calls, each, per_s)?.usd.value),
        None => Ok(bill.monthly(calls)?.value),
    }
}

/// The end of the volumes that winners are looked for in: a thousand million calls a month, or what
/// [`MAX_UNITS`] units of each row take.
fn most_calls(candidates: &[Candidate]) -> u64 {
    let each = candidates.iter().filter_map(|row| row.ceiling_per_s).min();
    let month = Decimal::from(SECONDS_PER_MONTH) * Decimal::from(MAX_UNITS);
    let most = each.and_then(|per_s| (per_s * month).floor().to_u64());
    most.unwrap_or(u64::MAX).clamp(2, 1_000_000_000)
}

/// From 100,000 to 1,000,000,000 calls a month, twenty to a factor of ten.
fn volumes() -> Vec<u64> {
    (0..=80).map(|at| 10f64.powf(5.0 + f64::from(at) / 20.0).round() as u64).collect()
}

fn sums(row: &PricedRow, units: u64, scenario: &Scenario) -> Result<Sums, Gap> {
    let calls = scenario.calls_per_month;
    let bill = &row.interval.middle;
    let ends = [End::Cheap, End::Middle, End::Dear].map(|end| month(row, end, calls));
    let [cheap, month, dear] = ends;
    let (cheap, month, dear) = (cheap?, month?, dear?);
    let standing = |calls: Decimal| -> Result<Decimal, Gap> {
        Group::ALL.into_iter().map(|group| Ok(bill.group_monthly(group, calls, units)?.value)).sum()
    };
    Ok(Sums {
        fixed: standing(Decimal::ZERO)?,
        million: standing(calls + Decimal::from(1_000_000))? - standing(calls)?,
        month,
        low: cheap.min(month).min(dear),
        high: cheap.max(month).max(dear),
        doubtful: doubtful(bill),
    })
}
