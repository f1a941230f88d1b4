//! How the calls of each row spread: latency by percentile, a small picture for each row, all on
//! the same two log axes.

use gearshift_load::{Percentile, SplitAt};
use gearshift_results::{Latency, Results, RowResult, RowState};
use serde::Serialize;

use super::axis::{Log, Tick, path, tenth};
use super::costs::index;
use super::page::COLOURS;
use crate::numbers::ms;
use crate::rows::in_order;
use crate::table::percentile;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 24.0;
/// Percentiles named below the axis. It is logarithmic in what lies beyond: p90, p99 and p99.9 are
/// as far from each other as the fastest call is from p90.
const NAMED: [(f64, &str); 5] =
    [(0.0, "min"), (0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];
/// What is less is drawn at the axis, ms: a logarithm has no nothing.
const LEAST_MS: f64 = 0.1;

#[derive(Serialize)]
pub(super) struct Spread {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    plot_right: f64,
    plot_bottom: f64,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    plots: Vec<Plot>,
    /// True where a picture shows here and declared apart.
    taken_apart: bool,
    /// Percentiles of the table, and a line of cells for each row.
    headings: Vec<&'static str>,
    lines: Vec<TableLine>,
}

#[derive(Serialize)]
struct Plot {
    name: String,
    colour: usize,
    state: &'static str,
    /// Areas under declared, and between declared and the whole; empty where the split is not
    /// known. Here lies on top: on a log axis what lies below looks like more than it is.
    declared: String,
    here: String,
    whole: String,
    marks: Vec<Mark>,
    words: String,
}

#[derive(Serialize)]
struct Mark {
    x: f64,
    y: f64,
    label: String,
    /// StateKept its label inside the picture.
    at_end: bool,
}

#[derive(Serialize)]
struct TableLine {
    name: String,
    colour: usize,
    cells: Vec<String>,
}

/// One point of a row's curve, ms.
struct Point {
    q: f64,
    total: f64,
    declared: Option<f64>,
}

struct Axes {
    x: Log,
    y: Log,
}

impl Axes {
    /// Shared by all rows, so that pictures can be compared.
    fn over(curves: &[Vec<Point>]) -> Option<Self> {
        let all = || curves.iter().flatten();
        let ends = all().flat_map(|point| [Some(point.total), point.declared]).flatten();
        let ends: Vec<f64> = ends.filter(|ms| *ms >= LEAST_MS).collect();
        let (low, high) = (
            ends.iter().fold(f64::INFINITY, |a, b| a.min(*b)),
            ends.iter().fold(0.0, |a: f64, b| a.max(*b)),
        );
        let last = all().map(|point| beyond(point.q)).fold(0.0, f64::max);
        (high > 0.0).then(|| Self {
            x: Log { from: 0.0, to: last.max(1.0), start_px: LEFT, end_px: WIDTH - RIGHT },
            y: Log {
                from: (low * 0.8).log10(),
                to: (high * 1.4).log10(),
                start_px: HEIGHT - BOTTOM,
                end_px: TOP,
            },
        })
    }

    fn at(&self, q: f64, ms: f64) -> (f64, f64) {
        (self.x.px_of_log(beyond(q)), self.y.px(ms.max(10f64.powf(self.y.from))))
    }
}

/// How many decades of calls lie beyond a percentile: 0 at the fastest call, 2 at p99.
fn beyond(q: f64) -> f64 {
    -(1.0 - q).max(f64::MIN_POSITIVE).log10() + 0.0
}

/// The pictures; none where no latency was measured.
pub(super) fn spread(results: &Results) -> Option<Spread> {
    let measured = |row| -> Option<(&RowResult, &Latency)> {
        let row: &RowResult = row;
        Some((row, row.latency.as_ref()?))
    };
    let rows: Vec<_> = in_order(results).into_iter().filter_map(measured).collect();
    let drawn: Vec<_> = rows.iter().filter(|(_, latency)| !latency.curve.is_empty()).collect();
    let curves: Vec<Vec<Point>> = drawn.iter().map(|(_, latency)| points(latency)).collect();
    let axes = Axes::over(&curves)?;
    let plots = drawn.iter().zip(&curves).map(|((row, latency), curve)| Plot {
        name: row.row.clone(),
        colour: index(results, &row.row) % COLOURS,
        state: row.state.word(),
        declared: area(&axes, curve, |_| Some(0.0), |point| point.declared),
        here: area(&axes, curve, |point| point.declared, |point| Some(point.total)),
        whole: path(curve.iter().map(|point| axes.at(point.q, point.total))),
        marks: marks(&axes, latency),
        words: words(latency),
    });
    let named = NAMED.iter().filter(|(q, _)| beyond(*q) <= axes.x.to + 1e-9);
    let y_ticks = axes.y.round_values().into_iter();
    Some(Spread {
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        top: TOP,
        plot_right: WIDTH - RIGHT,
        plot_bottom: HEIGHT - BOTTOM,
        x_ticks: named
            .map(|(q, name)| Tick { at: axes.x.px_of_log(beyond(*q)), label: (*name).to_owned() })
            .collect(),
        y_ticks: y_ticks.map(|ms| Tick { at: axes.y.px(ms), label: tick(ms) }).collect(),
        taken_apart: drawn.iter().any(|(_, latency)| !latency.spread.is_empty()),
        headings: NAMED.iter().map(|(_, name)| *name).chain(["max"]).collect(),
        lines: rows
            .iter()
            .map(|(row, latency)| TableLine {
                name: row.row.clone(),
                colour: index(results, &row.row) % COLOURS,
                cells: cells(row, latency),
            })
            .collect(),
        plots: plots.collect(),
    })
}

fn points(latency: &Latency) -> Vec<Point> {
    if latency.spread.is_empty() {
        let whole = latency.curve.iter();
        return whole.map(|p| Point { q: p.q, total: p.us as f64 / 1e3, declared: None }).collect();
    }
    let split = |p: &SplitAt| Point { q: p.q, total: p.total_ms, declared: Some(p.declared_ms) };
    latency.spread.iter().map(split).collect()
}

/// What lies between two curves; empty where one is not known.
fn area(
    axes: &Axes,
    curve: &[Point],
    below: impl Fn(&Point) -> Option<f64>,
    above: impl Fn(&Point) -> Option<f64>,
) -> String {
    let at = |point: &Point, ms: Option<f64>| Some(axes.at(point.q, ms?));
    let there: Option<Vec<_>> = curve.iter().map(|point| at(point, above(point))).collect();
    let back: Option<Vec<_>> = curve.iter().rev().map(|point| at(point, below(point))).collect();
    match (there, back) {
        (Some(there), Some(back)) => path(there.into_iter().chain(back)) + "Z",
        _ => String::new(),
    }
}

fn figures(latency: &Latency) -> [(f64, Percentile); 3] {
    [(0.5, Percentile::Value(latency.p50_ms.value)), (0.9, latency.p90_ms), (0.99, latency.p99_ms)]
}

fn marks(axes: &Axes, latency: &Latency) -> Vec<Mark> {
    let marks = figures(latency).into_iter().filter_map(|(q, value)| {
        let value = value.value()?;
        let (x, y) = axes.at(q, value);
        let at_end = x > WIDTH - RIGHT - 24.0;
        Some(Mark { x, y: tenth(y.max(TOP)), label: ms(value), at_end })
    });
    marks.collect()
}

fn words(latency: &Latency) -> String {
    let [p50, p90, p99] = figures(latency).map(|(_, value)| percentile(value));
    format!(
        "p50 {p50} ms, p90 {p90} ms, p99 {p99} ms, slowest of {} calls {} ms",
        latency.n,
        ms(latency.max_ms)
    )
}

/// The table's cells: each percentile, as `whole = here + declared` where it is taken apart.
fn cells(row: &RowResult, latency: &Latency) -> Vec<String> {
    let whole = figures(latency);
    let cell = |q: f64| {
        let split = latency.spread.iter().find(|point| (point.q - q).abs() < 1e-9);
        let known = whole.iter().find(|(of, _)| *of == q).map(|(_, value)| percentile(*value));
        let fastest = latency.curve.first().filter(|point| point.q == q);
        let known = known.or(fastest.map(|point| ms(point.us as f64 / 1e3)));
        match (known.or(split.map(|split| ms(split.total_ms))), split) {
            (Some(whole), Some(split)) => {
                format!("{whole} = {} + {}", ms(split.here_ms), ms(split.declared_ms))
            }
            (whole, _) => whole.unwrap_or_default(),
        }
    };
    let bracket = |shown: String| match row.state {
        RowState::Ok => shown,
        _ if shown.is_empty() => shown,
        _ => format!("({shown})"),
    };
    let cells = NAMED.iter().map(|(q, _)| cell(*q)).chain([ms(latency.max_ms)]);
    cells.map(bracket).collect()
}

fn tick(ms: f64) -> String {
    if ms >= 1000.0 { format!("{} s", ms / 1000.0) } else { format!("{ms}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_as_far_apart_as_they_are_rare() {
        assert_eq!([0.0, 0.9].map(beyond), [0.0, 1.0]);
        assert!((beyond(0.99) - 2.0).abs() < 1e-9 && (beyond(0.999) - 3.0).abs() < 1e-9);
    }
}
