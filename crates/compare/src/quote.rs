//! What rows that were measured cost at other volumes, shapes, sizes and in other regions.

use gearshift_calibrate::Factor;
use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{CATALOGUE, Compute, Count, Dimension, Row, Setup};
use gearshift_plan::{Priced, Service, Shape, volume};
use gearshift_price::{
    Bill, BillLine, BreakEven, Candidate, Confidence, Gap, Group, PriceBook, SECONDS_PER_MONTH,
    Usage, UsagePerCall, Winners, fixed_usage, free_tier, winners,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Serialize;

use crate::money::{End, Interval, PerUnit, PricedRow, break_even};
use crate::provider_of;
use crate::results::{Pair, Results, RowResult, RowState};
use crate::shifting::{HIGH, days_of, service_of};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub calls_per_month: Decimal,
    /// How the calls are spread: its busiest minute must be served.
    pub shape: Shape,
    /// Of functions, MB; the same duration is assumed.
    pub memory_mb: Option<u32>,
    /// Of functions, milliseconds.
    pub duration_ms: Option<Decimal>,
    /// Tasks on Spot, or on demand; none: as the row says.
    pub spot: Option<bool>,
    /// The load balancer is paid for by others.
    pub shared_lb: bool,
    /// What AWS gives every account each month for good is taken off.
    pub free_tier: bool,
}

/// All answers.
#[derive(Clone, Debug, Serialize)]
pub struct Quote {
    /// The cheapest first, those without a price last.
    pub lines: Vec<QuoteLine>,
    /// Calls a month that curves are given at, evenly on a log scale.
    pub volumes: Vec<u64>,
    pub break_evens: Vec<Pair>,
    /// Who is cheapest from where on, on steady traffic; none where that cannot be said.
    pub winners: Option<Winners>,
    pub prices_used: usize,
    /// Prices that only a second-hand note gives.
    pub low_confidence: Vec<String>,
}

/// One row's month.
#[derive(Clone, Debug, Serialize)]
pub struct QuoteLine {
    pub row: String,
    /// Of what is billed by the hour; none: a unit serves any number.
    pub units: Option<u64>,
    pub sums: Option<Sums>,
    /// Why there are none.
    pub gap: Option<String>,
    /// What a reader should know beside the figures.
    pub note: Option<String>,
    /// Where a unit can do more for a while than the bill counts on.
    pub burst: Option<Burst>,
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
    /// While credits last, from full.
    pub minutes: f64,
}

/// US dollars. Of what is shifted: fixed is nothing, a million calls cost what they do on average.
#[derive(Clone, Debug, Serialize)]
pub struct Sums {
    /// A month, by column of the bill.
    pub groups: Vec<(Group, Decimal)>,
    pub fixed: Decimal,
    /// A million calls.
    pub million: Decimal,
    pub month: Decimal,
    /// What is free, and taken off.
    pub free: Decimal,
    /// From the uncertainty of measured durations.
    pub low: Decimal,
    pub high: Decimal,
    /// One of its prices is of low confidence.
    pub doubtful: bool,
}

struct Quoted {
    priced: PricedRow,
    units: bool,
    burst: Option<Burst>,
}

/// Quotes every valid row of `results` whose setup the catalogue knows.
pub fn quote(results: &Results, book: &PriceBook, asked: &Asked) -> Quote {
    let volumes = volumes();
    let peak = Decimal::from_f64(asked.shape.peak_over_mean()).unwrap_or(Decimal::ONE);
    let mut lines = Vec::new();
    let mut quoted = Vec::new();
    for row in results.rows.iter().filter(|row| row.state == RowState::Ok) {
        match quoted_row(row, results, book, asked) {
            Ok(Some(row)) => quoted.push(row),
            Ok(None) => {}
            Err(gap) => lines.push(QuoteLine {
                row: row.row.clone(),
                units: None,
                sums: None,
                gap: Some(gap),
                note: None,
                burst: None,
                curve: Vec::new(),
            }),
        }
    }
    lines.extend(quoted.iter().map(|row| line(row, &volumes, peak, asked)));
    lines.extend(shifted(results, &quoted, book, asked));
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
    let prices: std::collections::BTreeMap<_, _> = rows
        .iter()
        .flat_map(|row| &row.interval.middle.lines)
        .filter_map(BillLine::price)
        .map(|price| (price.dimension.to_string(), price.confidence))
        .collect();
    let low = prices.iter().filter(|(_, is)| **is == Confidence::Low);
    Quote {
        lines,
        volumes,
        break_evens,
        winners: winners(&candidates, 1..1_000_000_000).ok(),
        low_confidence: low.map(|(what, _)| what.clone()).collect(),
        prices_used: prices.len(),
    }
}

/// A row's bills; none where the run has no money for it, an error where a rule is missing.
fn quoted_row(
    result: &RowResult,
    results: &Results,
    book: &PriceBook,
    asked: &Asked,
) -> Result<Option<Quoted>, String> {
    let Some(money) = &result.money else { return Ok(None) };
    let Ok(row) = CATALOGUE.row(&result.row) else { return Ok(None) };
    let mut row = row.clone();
    set_spot(&mut row, asked.spot);
    let mut fixed = fixed_usage(&row).map_err(|error| error.to_string())?;
    if asked.shared_lb && fixed.iter().any(|line| line.dimension == Dimension::LoadBalancerHour) {
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
        quantity: quantity(line, &row, asked),
        origin: line.origin.clone(),
    });
    let usage = Usage { fixed, per_call: per_call.collect() };
    let provider = provider_of(&row).reference().name;
    let core = results.cores.iter().find(|core| core.provider == provider);
    let factor = match core.filter(|_| asked.duration_ms.is_none()) {
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
    let priced = PricedRow { name: row.name.clone(), interval, ceiling };
    Ok(Some(Quoted { priced, units, burst }))
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
fn quantity(line: &BillLine, row: &Row, asked: &Asked) -> Decimal {
    let Some(measured_mb) = row.function_memory_mb() else { return line.quantity };
    if line.dimension != Dimension::FunctionGbSecond {
        return line.quantity;
    }
    let memory = Decimal::from(asked.memory_mb.unwrap_or(measured_mb));
    match asked.duration_ms {
        Some(ms) => ms.ceil() / Decimal::from(1000) * memory / Decimal::from(MB_PER_GB),
        None => line.quantity * memory / Decimal::from(measured_mb),
    }
}

fn line(quoted: &Quoted, volumes: &[u64], peak: Decimal, asked: &Asked) -> QuoteLine {
    let row = &quoted.priced;
    let sums = sums(row, peak, asked);
    QuoteLine {
        row: row.name.clone(),
        units: sums.as_ref().ok().filter(|_| quoted.units).map(|(units, _)| *units),
        gap: sums.as_ref().err().map(ToString::to_string),
        sums: sums.ok().map(|(_, sums)| sums),
        note: None,
        burst: quoted.burst,
        curve: volumes
            .iter()
            .map_while(|calls| {
                month(&quoted.priced, End::Middle, (*calls).into(), peak, asked)
                    .ok()
                    .map(|(_, usd)| usd)
            })
            .collect(),
    }
}

/// The calls on the run's cheapest function and its tasks, shifted by flex; none where the run has
/// no such two. What is the same in both gears (stores, logs, transfer) is the function's.
fn shifted(
    results: &Results,
    quoted: &[Quoted],
    book: &PriceBook,
    asked: &Asked,
) -> Option<QuoteLine> {
    let (measured, low) = service_of(results, None, HIGH).ok()?;
    let service = Service {
        memory_mb: asked.memory_mb.unwrap_or(measured.memory_mb),
        duration_ms: asked.duration_ms.unwrap_or(measured.duration_ms),
        spot: asked.spot.unwrap_or(measured.spot),
        shared_lb: asked.shared_lb,
        free_tier: asked.free_tier,
        ..measured
    };
    let low = &quoted.iter().find(|row| row.priced.name == low)?.priced.interval.middle;
    let sums = shifted_sums(service, low, book, asked);
    Some(QuoteLine {
        row: "flex".to_owned(),
        units: None,
        gap: sums.as_ref().err().cloned(),
        note: sums.as_ref().ok().map(|(_, note)| note.clone()),
        burst: None,
        curve: Vec::new(),
        sums: sums.ok().map(|(sums, _)| sums),
    })
}

fn shifted_sums(
    service: Service,
    low: &Bill,
    book: &PriceBook,
    asked: &Asked,
) -> Result<(Sums, String), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let priced = Priced::new(service, book, Decimal::ZERO).map_err(|error| said(&error))?;
    let calls = asked.calls_per_month;
    let replayed = volume(&asked.shape, calls, days_of(&asked.shape), &priced);
    let replayed = replayed.map_err(|error| said(&error))?;
    let billed = &replayed.flex.billed;
    let same = |line: &&BillLine| !matches!(line.group, Group::Front | Group::Compute);
    let same = Bill { lines: low.lines.iter().filter(same).cloned().collect(), ..low.clone() };
    let free = match asked.free_tier {
        true => free_tier(&same, calls).map_err(|error| said(&error))?,
        false => Decimal::ZERO,
    };
    let mut groups = Vec::new();
    for group in Group::ALL {
        let same = same.group_monthly(group, calls, 1).map_err(|error| said(&error))?.value;
        let shifted = match group {
            Group::Front => billed.usd - billed.compute_usd - billed.addresses_usd,
            Group::Compute => billed.compute_usd,
            Group::Network => billed.addresses_usd,
            _ => Decimal::ZERO,
        };
        groups.push((group, same + shifted));
    }
    let month = groups.iter().map(|(_, usd)| usd).sum::<Decimal>() - free;
    let per_call = month.checked_div(calls).unwrap_or_default();
    let sums = Sums {
        groups,
        fixed: Decimal::ZERO,
        million: per_call * Decimal::from(1_000_000),
        month,
        free,
        low: month,
        high: month,
        doubtful: doubtful(&same),
    };
    let note = match (replayed.flex.shifts_per_day, replayed.at_function) {
        (_, 1.0) => "too small to shift".to_owned(),
        (shifts, _) => format!("{shifts:.1} shifts a day"),
    };
    Ok((sums, note))
}

/// Units, and US dollars a month without what is free; `peak` is over the mean.
fn month(
    row: &PricedRow,
    end: End,
    calls: Decimal,
    peak: Decimal,
    asked: &Asked,
) -> Result<(u64, Decimal), Gap> {
    let (bill, ceiling_per_s) = row.at(end);
    let (units, usd) = match ceiling_per_s {
        Some(per_s) => {
            let peak_per_s = calls / Decimal::from(SECONDS_PER_MONTH) * peak;
            let with = bill.monthly_with_units(calls, per_s, peak_per_s)?;
            (with.units, with.usd.value)
        }
        None => (1, bill.monthly(calls)?.value),
    };
    Ok((units, usd - free(bill, calls, asked)?))
}

fn free(bill: &Bill, calls: Decimal, asked: &Asked) -> Result<Decimal, Gap> {
    if asked.free_tier { free_tier(bill, calls) } else { Ok(Decimal::ZERO) }
}

/// From 100,000 to 1,000,000,000 calls a month, twenty to a factor of ten.
fn volumes() -> Vec<u64> {
    (0..=80).map(|at| 10f64.powf(5.0 + f64::from(at) / 20.0).round() as u64).collect()
}

fn doubtful(bill: &Bill) -> bool {
    let low = |price: &gearshift_price::Price| price.confidence == Confidence::Low;
    bill.lines.iter().filter_map(BillLine::price).any(low)
}

fn sums(row: &PricedRow, peak: Decimal, asked: &Asked) -> Result<(u64, Sums), Gap> {
    let calls = asked.calls_per_month;
    let of = |end: End| month(row, end, calls, peak, asked);
    let bill = &row.interval.middle;
    let (units, month) = of(End::Middle)?;
    let ends = [of(End::Cheap)?.1, month, of(End::Dear)?.1];
    let mut groups = Vec::new();
    for group in Group::ALL {
        groups.push((group, bill.group_monthly(group, calls, units)?.value));
    }
    let fixed = bill.per_month_fixed()?.value;
    let sums = Sums {
        groups,
        fixed,
        million: bill.per_million_calls()?.value,
        month,
        free: free(bill, calls, asked)?,
        low: ends.into_iter().min().unwrap_or(month),
        high: ends.into_iter().max().unwrap_or(month),
        doubtful: doubtful(bill),
    };
    Ok((units, sums))
}
