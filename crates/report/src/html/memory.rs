//! Latency, billed time and price over a function's memory: three pictures and a table.

use gearshift_results::{MemoryPoint, MemorySweep, Results, RowState};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::axis::{Tick, path, tenth};
use super::chart::DASHES;
use super::costs::index;
use super::page::COLOURS;
use crate::memory::{figures, remark};
use crate::numbers::{ms, usd};

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 30.0;

#[derive(Serialize)]
pub(super) struct Memory {
    plots: Vec<Plot>,
    names: Vec<Name>,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Name {
    name: String,
    colour: usize,
    dash: &'static str,
}

#[derive(Serialize)]
struct Plot {
    title: &'static str,
    width: f64,
    height: f64,
    left: f64,
    plot_right: f64,
    plot_bottom: f64,
    top: f64,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    curves: Vec<Curve>,
}

#[derive(Serialize)]
struct Curve {
    colour: usize,
    dash: &'static str,
    path: String,
    dots: Vec<Dot>,
}

#[derive(Serialize)]
struct Dot {
    x: f64,
    y: f64,
    /// The lowest of its curve.
    best: bool,
    title: String,
}

#[derive(Serialize)]
struct Line {
    name: String,
    colour: usize,
    figures: Vec<String>,
    remark: String,
}

/// What one picture shows.
struct Measure {
    title: &'static str,
    of: fn(&MemoryPoint) -> Option<f64>,
    shown: fn(f64) -> String,
}

const MEASURES: [Measure; 3] = [
    Measure { title: "latency p50, ms", of: |p| Some(p.p50_ms.as_ref()?.value), shown: ms },
    Measure { title: "billed, ms a call", of: |p| Some(p.billed_ms.as_ref()?.value), shown: ms },
    Measure {
        title: "$ per million calls",
        of: |p| p.million_usd.as_ref()?.value.to_f64(),
        shown: |value| usd(rust_decimal::Decimal::try_from(value).unwrap_or_default()),
    },
];

/// The pictures; none where memory was not swept.
pub(super) fn memory(results: &Results) -> Option<Memory> {
    let sweeps = &results.memory;
    if sweeps.is_empty() {
        return None;
    }
    let colour = |sweep: &MemorySweep| index(results, &sweep.row) % COLOURS;
    let names = sweeps.iter().enumerate().map(|(order, sweep)| Name {
        name: sweep.row.clone(),
        colour: colour(sweep),
        dash: DASHES[order % DASHES.len()],
    });
    let lines = sweeps.iter().flat_map(|sweep| {
        sweep.points.iter().map(move |point| Line {
            name: sweep.row.clone(),
            colour: colour(sweep),
            figures: figures(point).iter().map(|cell| cell.text()).collect(),
            remark: remark(sweep, point),
        })
    });
    Some(Memory {
        plots: MEASURES.iter().filter_map(|measure| plot(measure, sweeps, &colour)).collect(),
        names: names.collect(),
        lines: lines.collect(),
    })
}

fn plot(
    measure: &Measure,
    sweeps: &[MemorySweep],
    colour: &dyn Fn(&MemorySweep) -> usize,
) -> Option<Plot> {
    let points = |sweep: &MemorySweep| -> Vec<(u32, f64)> {
        let ok = sweep.points.iter().filter(|point| point.state == RowState::Ok);
        ok.filter_map(|point| Some((point.memory_mb, (measure.of)(point)?))).collect()
    };
    let all: Vec<(u32, f64)> = sweeps.iter().flat_map(points).collect();
    let highest = all.iter().map(|point| point.1).fold(0.0, f64::max);
    let mut sizes: Vec<u32> = all.iter().map(|point| point.0).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let (first, last) = (f64::from(*sizes.first()?), f64::from(*sizes.last()?));
    let (plot_right, plot_bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    // Memory doubles rather than grows.
    let decades = (last / first).log10().max(f64::EPSILON);
    let x = |mb: u32| {
        let share = (f64::from(mb) / first).log10() / decades;
        tenth(LEFT + share * (plot_right - LEFT))
    };
    let step = step(highest);
    let top_value = (highest / step).ceil().max(1.0) * step;
    let y = |value: f64| tenth(plot_bottom - value / top_value * (plot_bottom - TOP));
    let curves = sweeps.iter().enumerate().map(|(order, sweep)| {
        let points = points(sweep);
        let lowest = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
        let dots = points.iter().map(|(mb, value)| Dot {
            x: x(*mb),
            y: y(*value),
            best: *value <= lowest,
            title: format!("{}: {mb} MB, {}", sweep.row, (measure.shown)(*value)),
        });
        Curve {
            colour: colour(sweep),
            dash: DASHES[order % DASHES.len()],
            path: path(points.iter().map(|(mb, value)| (x(*mb), y(*value)))),
            dots: dots.collect(),
        }
    });
    let steps = (top_value / step).round() as u32;
    let y_ticks = (0..=steps).map(|index| {
        let value = f64::from(index) * step;
        Tick { at: y(value), label: tick(value, step) }
    });
    Some(Plot {
        title: measure.title,
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        plot_right,
        plot_bottom,
        top: TOP,
        y_ticks: y_ticks.collect(),
        x_ticks: sizes.iter().map(|mb| Tick { at: x(*mb), label: mb.to_string() }).collect(),
        curves: curves.collect(),
    })
}

/// Distance of two ticks: 1, 2 or 5 times a power of ten, at most five of them.
fn step(highest: f64) -> f64 {
    let rough = (highest / 5.0).max(1e-6);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|s| *s >= rough)
        .unwrap_or(rough)
}

fn tick(value: f64, step: f64) -> String {
    let decimals = if step >= 1.0 { 0 } else { (-step.log10().floor()) as usize };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!([step(100.0), step(7.0), step(0.9), step(23.0)], [20.0, 2.0, 0.2, 5.0]);
        assert_eq!([tick(40.0, 20.0), tick(0.4, 0.2)], ["40", "0.4"]);
    }
}
