//! A service as a run measured it.

use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{CATALOGUE, Compute, Dimension, Front, Gear, RunId, Setup};
use gearshift_results::{Results, RowResult, RowState};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::Service;

/// The task row that is shifted to where no other is named.
pub const HIGH: &str = "fargate";

/// The function row that is suggested where a run has none.
const FUNCTION: &str = "lambda-rust-dynamodb";

/// What a run lacks for a service on two gears; each with the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMeasured {
    #[error("run {run}: no valid function row → {next}")]
    NoFunction { run: RunId, next: String },
    #[error("run {run}: no row {name} → {next}")]
    NoRow { run: RunId, name: String, next: String },
    /// `flag` is the one by which the row was chosen.
    #[error("{flag} {name}: {why} → {next}")]
    NotFit { flag: &'static str, name: String, why: String, next: String },
    /// Nothing is computed from what cannot be trusted.
    #[error("{row}: its measurement is INVALID → {next}")]
    Invalid { row: String, next: String },
    #[error("{row}: its {what} was not measured → {next}")]
    Figure { row: String, what: &'static str, next: String },
}

/// A service of the function row `low` and the task row `high`, and the name of the former.
/// Without a name the cheapest valid function by the call is taken.
///
/// # Errors
/// What the run lacks.
pub fn service_of(
    results: &Results,
    low: Option<&str>,
    high: &str,
) -> Result<(Service, String), NotMeasured> {
    let run = &results.run;
    let functions = results.rows.iter().filter(|row| {
        row.state == RowState::Ok
            && steady(&row.row).and_then(function_mb).is_some()
            && per_call(row, &Dimension::FunctionGbSecond).is_some()
    });
    let cheapest = functions.min_by_key(|row| {
        let money = row.money.as_ref().and_then(|money| money.million_usd.as_ref());
        money.map_or(Decimal::MAX, |usd| usd.value)
    });
    let low = low.or(cheapest.map(|row| row.row.as_str())).ok_or_else(|| {
        NotMeasured::NoFunction { run: run.clone(), next: compare([FUNCTION, HIGH]) }
    })?;
    let again = compare([low, high]);
    let (low, memory_mb) = named(results, ["--low", "function"], low, &again, function_mb)?;
    let (high, (milli_vcpu, task_mb, spot)) =
        named(results, ["--high", "task"], high, &again, task)?;
    let unmeasured = |row: &RowResult, what| NotMeasured::Figure {
        row: row.row.clone(),
        what,
        next: again.clone(),
    };
    let gb_seconds =
        per_call(low, &Dimension::FunctionGbSecond).ok_or_else(|| unmeasured(low, "duration"))?;
    let ceiling = high.ceiling.as_ref().map(|ceiling| &ceiling.sustained);
    let ceiling = ceiling.ok_or_else(|| unmeasured(high, "ceiling"))?;
    let per_s = Decimal::from_f64(ceiling.per_s.value).unwrap_or_default().round_dp(1);
    let duration_ms = (gb_seconds * Decimal::from(MB_PER_GB) / Decimal::from(memory_mb)
        * Decimal::from(1000))
    .round_dp(2);
    let service = Service {
        memory_mb,
        duration_ms,
        front: match steady(&low.row).map(|gear| gear.front) {
            Some(Front::RestApi) => Front::RestApi,
            _ => Front::HttpApi,
        },
        task_milli_vcpu: milli_vcpu,
        task_memory_mb: task_mb,
        spot,
        task_per_s: per_s,
        lcu_hours_per_request: per_call(high, &Dimension::LoadBalancerCapacityHour),
        source: format!(
            "run {run}: {} {duration_ms} ms at {memory_mb} MB, {} {per_s} requests/s a task ({})",
            low.row, high.row, ceiling.set_by
        ),
        ..Service::default()
    };
    Ok((service, low.row.clone()))
}

/// The service of the run's cheapest valid function and of its tasks, where these are valid too.
///
/// # Errors
/// What the run lacks.
pub fn valid_service_of(results: &Results) -> Result<(Service, String), NotMeasured> {
    let found = service_of(results, None, HIGH)?;
    let valid = |row: &RowResult| row.row == HIGH && row.state == RowState::Ok;
    match results.rows.iter().any(valid) {
        true => Ok(found),
        false => {
            Err(NotMeasured::Invalid { row: HIGH.to_owned(), next: compare([FUNCTION, HIGH]) })
        }
    }
}

/// The gear of a row of the catalogue that never shifts.
fn steady(row: &str) -> Option<&'static Gear> {
    match CATALOGUE.row(row).ok().map(|row| &row.setup) {
        Some(Setup::Steady(gear)) => Some(gear),
        _ => None,
    }
}

/// How to get what a run lacks.
fn compare(rows: [&str; 2]) -> String {
    let known: Vec<&str> = rows.into_iter().filter(|row| steady(row).is_some()).collect();
    format!("gearshift compare --rows {}", known.join(","))
}

/// The row of this name and what `of` says of its gear. Without them: which ones `flag` could name
/// instead, or how to have this one measured.
fn named<'a, T>(
    results: &'a Results,
    [flag, kind]: [&'static str; 2],
    name: &str,
    again: &str,
    of: impl Fn(&Gear) -> Option<T>,
) -> Result<(&'a RowResult, T), NotMeasured> {
    let run = &results.run;
    let found = results.rows.iter().find(|row| row.row == name);
    let Some(fits) = steady(name).and_then(&of) else {
        let rows = results.rows.iter().map(|row| row.row.as_str());
        let rows: Vec<&str> = rows.filter(|row| steady(row).and_then(&of).is_some()).collect();
        let why = match CATALOGUE.row(name) {
            Ok(_) => format!("not a {kind} row"),
            Err(_) => "no such row".to_owned(),
        };
        let next = match rows.as_slice() {
            [] => format!("run {run} has no {kind} row: {}", compare([FUNCTION, HIGH])),
            rows => format!("choose a {kind} row of run {run}: {}", rows.join(", ")),
        };
        return Err(NotMeasured::NotFit { flag, name: name.to_owned(), why, next });
    };
    let found = found.ok_or_else(|| NotMeasured::NoRow {
        run: run.clone(),
        name: name.to_owned(),
        next: again.to_owned(),
    })?;
    Ok((found, fits))
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
fn per_call(row: &RowResult, of: &Dimension) -> Option<Decimal> {
    let lines = &row.money.as_ref()?.bill.lines;
    Some(lines.iter().find(|line| !line.fixed && line.dimension == *of)?.quantity)
}
