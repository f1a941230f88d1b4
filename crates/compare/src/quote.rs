//! What rows that were measured cost at other volumes, shapes, sizes and in other regions.

use std::collections::BTreeMap;

use gearshift_calibrate::Factor;
use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{CATALOGUE, Compute, Count, Dimension, Row, Setup};
use gearshift_plan::Shape;
use gearshift_price::{
    Bill, BillLine, BreakEven, Candidate, Confidence, Gap, Group, MAX_UNITS, Price, PriceBook,
    PriceDate, SECONDS_PER_MONTH, Usage, UsagePerCall, Winners, fixed_usage, units, winners,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde::Serialize;

use crate::money::{End, Interval, PerUnit, PricedRow, break_even};
use crate::provider_of;
use crate::results::{Pair, Results, RowResult, RowState};

mod shifted;

pub use shifted::FLEX;

use shifted::shifted;

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

impl Asked {
    /// Requests a second on average.
    fn per_s(&self) -> Decimal {
        self.calls_per_month / Decimal::from(SECONDS_PER_MONTH)
    }

    fn peak_over_mean(&self) -> Decimal {
        Decimal::from_f64(self.shape.peak_over_mean()).unwrap_or(Decimal::ONE)
    }

    fn what_if(&self) -> Vec<String> {
        let spot = |spot| if spot { "tasks on Fargate Spot" } else { "tasks on demand" };
        let memory = self.memory_mb.map(|mb| format!("functions of {mb} MB"));
        let duration = self.duration_ms.map(|ms| format!("functions billed {ms} ms a call"));
        let lb = self.shared_lb.then(|| "load balancer paid for by others".to_owned());
        let said = [memory, duration, self.spot.map(|is| spot(is).to_owned()), lb];
        said.into_iter().flatten().collect()
    }
}

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

struct Quoted {
    priced: PricedRow,
    units: bool,
    burst: Option<Burst>,
    beyond: Option<Beyond>,
}

/// Quotes every valid row of `results` whose setup the catalogue knows.
pub fn quote(results: &Results, book: &PriceBook, asked: &Asked) -> Quote {
    let volumes = volumes();
    let billing = if asked.free_tier { book.with_free_tier() } else { book.clone() };
    let mut lines = Vec::new();
    let mut quoted = Vec::new();
    for row in results.rows.iter().filter(|row| row.state == RowState::Ok) {
        match quoted_row(row, results, &billing, asked) {
            Ok(Some(row)) => quoted.push(row),
            Ok(None) => {}
            Err(gap) => lines.push(QuoteLine { gap: Some(gap), ..QuoteLine::of(&row.row) }),
        }
    }
    lines.extend(quoted.iter().map(|row| line(row, &volumes, asked)));
    let bill_of = |name: &str| {
        let row = quoted.iter().find(|row| row.priced.name == name)?;
        Some(&row.priced.interval.middle)
    };
    lines.extend(shifted(results, bill_of, book, asked));
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
    let per_s = asked.per_s().to_f64().unwrap_or(0.0);
    Quote {
        run: results.run.to_string(),
        region: book.name().to_owned(),
        calls_per_month: asked.calls_per_month,
        shape: asked.shape.name().to_owned(),
        per_s,
        peak_per_s: per_s * asked.shape.peak_over_mean(),
        what_if: asked.what_if(),
        free_tier: asked.free_tier,
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
    let ceiling = ceiling.map(|per_unit| per_unit.on_average(asked.peak_over_mean()));
    let peak_per_s = asked.per_s() * asked.peak_over_mean();
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

impl QuoteLine {
    /// Of a row, without anything known of it.
    fn of(row: &str) -> Self {
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

fn line(quoted: &Quoted, volumes: &[u64], asked: &Asked) -> QuoteLine {
    let row = &quoted.priced;
    let calls = asked.calls_per_month;
    let units = row.at(End::Middle).1.map_or(Ok(1), |each| units(each, asked.per_s()));
    let units = units.map_err(Gap::from);
    let group = |group: Group| {
        let usd = row.interval.middle.group_monthly(group, calls, *units.as_ref().ok()?);
        usd.ok().map(|usd| usd.value)
    };
    let sums = units.clone().and_then(|units| sums(row, units, asked));
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

fn doubtful(bill: &Bill) -> bool {
    let low = |price: &gearshift_price::Price| price.confidence == Confidence::Low;
    bill.lines.iter().filter_map(BillLine::price).any(low)
}

fn sums(row: &PricedRow, units: u64, asked: &Asked) -> Result<Sums, Gap> {
    let calls = asked.calls_per_month;
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
