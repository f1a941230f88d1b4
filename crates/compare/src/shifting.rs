//! What shifting between two rows of a comparison would have saved.

use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{CATALOGUE, Compute, Dimension, Front, Gear, Setup};
use gearshift_plan::{Priced, Service, Shape, Volume, volume};
use gearshift_price::{PriceBook, SECONDS_PER_MONTH};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::results::{Results, RowResult, RowState};

/// The task row that is shifted to where no other is named.
pub const HIGH: &str = "fargate";

/// Volumes that a year of shifting is shown at, in multiples of the break-even of the two gears:
/// those of the policy suite.
const VOLUMES: [f64; 4] = [0.3, 1.0, 3.0, 10.0];

/// Days of a shape that repeats every week, and at least of one that does not.
const DAYS: usize = 28;

/// A year of a shape on functions, on tasks and shifted between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shifting {
    /// Such as `office hours`.
    pub shape: String,
    /// Replayed, and taken for the whole year.
    pub days: usize,
    /// The row whose function serves.
    pub low: String,
    /// The row whose tasks serve.
    pub high: String,
    /// Where durations and capacity come from, in words.
    pub source: String,
    pub volumes: Vec<Volume>,
}

/// What a year of `shape` would have cost at several volumes, or why that cannot be said.
pub fn shifting(results: &Results, book: &PriceBook, shape: &Shape) -> Result<Shifting, String> {
    let (service, low) = service_of(results, None, HIGH)?;
    let source = service.source.clone();
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let priced = Priced::new(service, book, Decimal::ZERO).map_err(|error| said(&error))?;
    let even = priced.economics.break_even_per_s();
    let days = days_of(shape);
    let mut volumes = Vec::new();
    for times in VOLUMES {
        let calls = even * times * f64::from(SECONDS_PER_MONTH);
        let calls =
            Decimal::from_f64(calls).and_then(|calls| calls.round_sf(1)).unwrap_or_default();
        if calls > Decimal::ZERO {
            volumes.push(volume(shape, calls, days, &priced).map_err(|error| said(&error))?);
        }
    }
    Ok(Shifting {
        shape: shape.name().to_owned(),
        days,
        low,
        high: HIGH.to_owned(),
        source,
        volumes,
    })
}

/// Days of a shape to replay.
pub fn days_of(shape: &Shape) -> usize {
    match shape {
        Shape::Trace { per_s, .. } => per_s.len().div_ceil(24 * 60).max(DAYS),
        Shape::Steady | Shape::Office => DAYS,
    }
}

/// A service of the function row `low` and the task row `high`, and the name of the former; or what
/// is missing. Without a name the cheapest valid function by the call is taken.
pub fn service_of(
    results: &Results,
    low: Option<&str>,
    high: &str,
) -> Result<(Service, String), String> {
    let gear = |name: &str| match CATALOGUE.row(name).ok().map(|row| &row.setup) {
        Some(Setup::Steady(gear)) => Some(gear.clone()),
        _ => None,
    };
    let functions = results.rows.iter().filter(|row| {
        row.state == RowState::Ok
            && gear(&row.row).is_some_and(|gear| function_mb(&gear).is_some())
            && gb_seconds(row).is_some()
    });
    let run = &results.run;
    let low = match low {
        Some(name) => results.rows.iter().find(|row| row.row == name),
        None => functions.min_by_key(|row| {
            let money = row.money.as_ref().and_then(|money| money.million_usd.as_ref());
            money.map_or(Decimal::MAX, |usd| usd.value)
        }),
    };
    let low = low.ok_or_else(|| {
        format!("run {run}: no valid function row → gearshift compare --rows lambda-rust-dynamodb,fargate")
    })?;
    let high = results.rows.iter().find(|row| row.row == high).ok_or_else(|| {
        format!("run {run}: no row {high} → gearshift compare --rows {},{high}", low.row)
    })?;
    let low_gear = gear(&low.row).ok_or_else(|| format!("{}: not a steady row", low.row))?;
    let high_gear = gear(&high.row).ok_or_else(|| format!("{}: not a steady row", high.row))?;
    let memory_mb = function_mb(&low_gear)
        .ok_or_else(|| format!("{}: has no function → --low ROW", low.row))?;
    let gb_seconds = gb_seconds(low)
        .ok_or_else(|| format!("{}: its duration was not measured → compare it again", low.row))?;
    let (milli_vcpu, task_mb, spot) = task(&high_gear)
        .ok_or_else(|| format!("{}: has no Fargate task → --high ROW", high.row))?;
    let ceiling = high.ceiling.as_ref().map(|ceiling| &ceiling.sustained).ok_or_else(|| {
        format!(
            "{}: its ceiling was not measured → gearshift compare --rows {}",
            high.row, high.row
        )
    })?;
    let per_s = Decimal::from_f64(ceiling.per_s.value).unwrap_or_default().round_dp(1);
    let duration_ms = (gb_seconds * Decimal::from(MB_PER_GB) / Decimal::from(memory_mb)
        * Decimal::from(1000))
    .round_dp(2);
    let service = Service {
        memory_mb,
        duration_ms,
        front: if low_gear.front == Front::RestApi { Front::RestApi } else { Front::HttpApi },
        task_milli_vcpu: milli_vcpu,
        task_memory_mb: task_mb,
        spot,
        task_per_s: per_s,
        source: format!(
            "run {run}: {} {duration_ms} ms at {memory_mb} MB, {} {per_s} requests/s a task ({})",
            low.row, high.row, ceiling.set_by
        ),
        ..Service::default()
    };
    Ok((service, low.row.clone()))
}

fn function_mb(gear: &Gear) -> Option<u32> {
    gear.pools.iter().find_map(|pool| match pool.compute {
        Compute::Function { memory_mb, .. } => Some(memory_mb),
        _ => None,
    })
}

fn task(gear: &Gear) -> Option<(u32, u32, bool)> {
    gear.pools.iter().find_map(|pool| match pool.compute {
        Compute::Task { milli_vcpu, memory_mb, spot, host: None } => {
            Some((milli_vcpu.0, memory_mb, spot))
        }
        _ => None,
    })
}

/// Of one call, as metered.
fn gb_seconds(row: &RowResult) -> Option<Decimal> {
    let lines = &row.money.as_ref()?.bill.lines;
    let line =
        lines.iter().find(|line| !line.fixed && line.dimension == Dimension::FunctionGbSecond)?;
    Some(line.quantity)
}
