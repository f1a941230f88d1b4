//! What changed between two runs.

use gearshift_gear::{Known, RunId};
use gearshift_load::Percentile;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Results, RowResult};

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    pub before: RunId,
    pub after: RunId,
    /// Settings that differ: figures of such runs differ for that reason too.
    pub settings: Vec<String>,
    pub changes: Vec<Change>,
}

/// One figure of one row in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub row: String,
    /// Such as `p50, ms`.
    pub what: String,
    /// None: the run does not have it.
    pub before: Option<f64>,
    pub after: Option<f64>,
    /// After ÷ before.
    pub ratio: Option<f64>,
    /// True where the intervals of both overlap: no change is shown by these runs.
    pub within_interval: Option<bool>,
}

/// Compares two runs figure by figure, rows in the order of the later run.
pub fn diff(before: &Results, after: &Results) -> Diff {
    let find = |results: &Results, name: &str| results.rows.iter().find(|r| r.row == name).cloned();
    let mut names: Vec<&str> = after.rows.iter().map(|row| row.row.as_str()).collect();
    names.extend(before.rows.iter().map(|r| r.row.as_str()).filter(|n| find(after, n).is_none()));
    let changes = names
        .into_iter()
        .flat_map(|name| changes(name, find(before, name).as_ref(), find(after, name).as_ref()))
        .collect();
    Diff {
        before: before.run.clone(),
        after: after.run.clone(),
        settings: settings(before, after),
        changes,
    }
}

fn settings(before: &Results, after: &Results) -> Vec<String> {
    let pairs = [
        ("version", before.version.clone(), after.version.clone()),
        ("machine", before.machine.cpu_model.clone(), after.machine.cpu_model.clone()),
        ("caller", before.caller.to_string(), after.caller.to_string()),
        ("region", before.region.clone(), after.region.clone()),
        ("physics", before.physics.to_string(), after.physics.to_string()),
        ("calls", before.calls.to_string(), after.calls.to_string()),
        ("seed", before.seed.to_string(), after.seed.to_string()),
        ("prices of", before.prices_of.clone(), after.prices_of.clone()),
    ];
    let differ = pairs.into_iter().filter(|(_, before, after)| before != after);
    differ.map(|(what, before, after)| format!("{what}: {before} → {after}")).collect()
}

/// A figure with its interval.
type Figure = (f64, Option<(f64, f64)>);
/// Where a figure stands in a row's result.
type Find = fn(&RowResult) -> Option<Figure>;

fn changes(row: &str, before: Option<&RowResult>, after: Option<&RowResult>) -> Vec<Change> {
    let figures: [(&str, Find); 7] = [
        ("p50, ms", |row| row.latency.as_ref().map(|latency| known(&latency.p50_ms))),
        ("here, ms", |row| row.latency.as_ref().map(|latency| known(&latency.here_ms))),
        ("p99, ms", |row| match row.latency.as_ref()?.p99_ms {
            Percentile::Value(value) => Some((value, None)),
            Percentile::TooFew { .. } => None,
        }),
        ("cold start, ms", |row| row.cold.as_ref().map(|cold| known(&cold.p50_ms))),
        ("ceiling, req/s", |row| row.ceiling.as_ref().map(|c| known(&c.sustained.per_s))),
        ("$ a month", |row| row.money.as_ref()?.month_usd.as_ref().and_then(money)),
        ("$ per M calls", |row| row.money.as_ref()?.million_usd.as_ref().and_then(money)),
    ];
    let change = |(what, figure): (&str, Find)| {
        let (before, after) = (before.and_then(figure), after.and_then(figure));
        let ratio = before
            .zip(after)
            .and_then(|(before, after)| (before.0 != 0.0).then(|| after.0 / before.0));
        let overlap = |a: (f64, f64), b: (f64, f64)| a.0 <= b.1 && b.0 <= a.1;
        let intervals = before.and_then(|b| b.1).zip(after.and_then(|a| a.1));
        (before.is_some() || after.is_some()).then(|| Change {
            row: row.to_owned(),
            what: what.to_owned(),
            before: before.map(|figure| figure.0),
            after: after.map(|figure| figure.0),
            ratio,
            within_interval: intervals.map(|(before, after)| overlap(before, after)),
        })
    };
    figures.into_iter().filter_map(change).collect()
}

fn known(known: &Known<f64>) -> Figure {
    (known.value, known.range)
}

fn money(known: &Known<rust_decimal::Decimal>) -> Option<Figure> {
    let range = known.range.and_then(|(low, high)| low.to_f64().zip(high.to_f64()));
    Some((known.value.to_f64()?, range))
}
