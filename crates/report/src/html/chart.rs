//! Cost a month against calls a month, on log axes, with the cheapest row as a band below.

use std::fmt::Write;

use gearshift_compare::Results;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Serialize;

use super::costs::{Priced, float, index, priced};
use super::page::COLOURS;
use crate::numbers::calls;
use crate::sentences as say;

/// The picture begins here unless the cheapest row changes earlier, calls a month.
const FROM: f64 = 1e5;
/// And ends here: as far as winners are looked for.
const TO: f64 = 1e9;
const POINTS: usize = 160;
/// Lines are told apart by their dashes as well as by their colour.
pub(super) const DASHES: [&str; 4] = ["", "7 3", "2 3", "9 3 2 3"];
/// Least distance between two labels, in pixels.
const LABEL_PX: f64 = 16.0;
const BAND_PX: f64 = 20.0;
/// Width of a letter of a label, about, in pixels.
const LETTER_PX: f64 = 6.6;

/// The picture's size; coordinates are pixels at full width.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Size {
    id: &'static str,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// Names at the lines' ends; else the legend alone names them.
    labels: bool,
}

pub(super) const WIDE: Size = Size {
    id: "wide",
    width: 1000.0,
    height: 500.0,
    left: 66.0,
    right: 190.0,
    top: 44.0,
    bottom: 110.0,
    labels: true,
};
pub(super) const NARROW: Size = Size {
    id: "narrow",
    width: 360.0,
    height: 380.0,
    left: 46.0,
    right: 26.0,
    top: 44.0,
    bottom: 122.0,
    labels: false,
};

#[derive(Serialize)]
pub(super) struct Chart {
    size: Size,
    plot_right: f64,
    plot_bottom: f64,
    band_top: f64,
    band_height: f64,
    title: String,
    description: String,
    /// What the picture shows when it stands alone; a line each.
    caption: Vec<String>,
    lines: Vec<Line>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    band: Vec<Stretch>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    colour: usize,
    dash: &'static str,
    path: String,
    label_y: f64,
}

#[derive(Serialize)]
struct Tick {
    at: f64,
    label: String,
}

#[derive(Serialize)]
struct Stretch {
    x: f64,
    width: f64,
    colour: usize,
    name: String,
    /// Empty where there is no room.
    label: String,
    /// Where it ends, unless at the picture's edge.
    until: Option<String>,
}

/// From a range in decades to pixels.
struct Scale {
    from: f64,
    to: f64,
    start_px: f64,
    end_px: f64,
}

impl Scale {
    fn px(&self, value: f64) -> f64 {
        let share = (value.log10() - self.from) / (self.to - self.from);
        tenth(self.start_px + share * (self.end_px - self.start_px))
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.from.ceil() as i32..=self.to.floor() as i32).map(|decade| 10f64.powi(decade))
    }
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn tenth(px: f64) -> f64 {
    (px * 10.0).round() / 10.0
}

/// The picture; none where no row has a price.
pub(super) fn chart(results: &Results, size: Size) -> Option<Chart> {
    let rows = priced(results);
    let first_change = results.winners.as_ref().and_then(|winners| winners.segments.first());
    let first_change = first_change.map_or(FROM, |segment| float(segment.to_calls_per_month));
    let from = FROM.min(10f64.powf((first_change.max(10.0) / 2.0).log10().floor()));
    let curves: Vec<Vec<(f64, f64)>> = rows.iter().map(|row| curve(row, from)).collect();
    let costs = || curves.iter().flatten().map(|point| point.1);
    let (lowest, highest) = (costs().fold(f64::INFINITY, f64::min), costs().fold(0.0, f64::max));
    if highest <= 0.0 {
        return None;
    }
    let (plot_right, plot_bottom) = (size.width - size.right, size.height - size.bottom);
    let x = Scale { from: from.log10(), to: TO.log10(), start_px: size.left, end_px: plot_right };
    let low = lowest.log10().floor();
    let y = Scale {
        from: low,
        to: highest.log10().ceil().max(low + 1.0),
        start_px: plot_bottom,
        end_px: size.top,
    };
    let ends: Vec<f64> = curves
        .iter()
        .map(|points| points.last().map_or(plot_bottom, |point| y.px(point.1)))
        .collect();
    let label_ys = spread(&ends, size.top, plot_bottom);
    let lines = rows.iter().zip(&curves).zip(label_ys).enumerate().map(
        |(order, ((row, points), label_y))| Line {
            name: row.name.to_owned(),
            colour: row.index % COLOURS,
            dash: DASHES[order % DASHES.len()],
            path: path(points, &x, &y),
            label_y,
        },
    );
    Some(Chart {
        plot_right,
        plot_bottom,
        band_top: plot_bottom + 50.0,
        band_height: BAND_PX,
        title: "Cost a month against calls a month".to_owned(),
        description: format!("Cheapest: {}.", say::cheapest(results).join("; ")),
        caption: caption(results, &size),
        lines: lines.collect(),
        x_ticks: x.decades().map(|calls| tick(x.px(calls), calls_label(calls))).collect(),
        y_ticks: y.decades().map(|usd| tick(y.px(usd), usd_label(usd))).collect(),
        band: band(results, &x, from),
        size,
    })
}

fn caption(results: &Results, size: &Size) -> Vec<String> {
    let ran = format!("{} on {}, run {}", results.service, results.on, results.run);
    let prices = format!("{}, prices of {}", results.region, results.prices_of);
    if size.labels {
        vec![format!("{ran} · {prices} · Gearshift {}", results.version)]
    } else {
        vec![ran, prices]
    }
}

fn tick(at: f64, label: String) -> Tick {
    Tick { at, label }
}

fn calls_label(value: f64) -> String {
    let text = Decimal::from_f64(value).map(calls).unwrap_or_default();
    text.replace(".0 ", " ")
}

fn usd_label(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("${:.0} M", value / 1e6),
        value if value >= 1e3 => format!("${:.0} k", value / 1e3),
        value if value >= 0.95 => format!("${value:.0}"),
        value => format!("${value}"),
    }
}

/// Volume and cost, both above zero, both sides of every step.
fn curve(row: &Priced<'_>, from: f64) -> Vec<(f64, f64)> {
    let decades = (TO / from).log10();
    let even = (0..=POINTS).map(|i| from * 10f64.powf(decades * i as f64 / POINTS as f64));
    let mut volumes: Vec<Decimal> = even.filter_map(Decimal::from_f64).collect();
    let within = |calls: &Decimal| (from..TO).contains(&float(*calls));
    let steps = row.steps().into_iter().filter(within);
    volumes.extend(steps.flat_map(|calls| [calls.floor(), calls.floor() + Decimal::ONE]));
    volumes.sort();
    let cost = |calls: Decimal| Some((float(calls), float(row.at(calls)?.usd)));
    volumes.into_iter().filter_map(cost).filter(|point| point.1 > 0.0).collect()
}

fn path(points: &[(f64, f64)], x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    let mut last = (f64::NAN, f64::NAN);
    for (index, (calls, usd)) in points.iter().enumerate() {
        let at = (x.px(*calls), y.px(*usd));
        if at != last {
            let verb = if index == 0 { 'M' } else { 'L' };
            write!(path, "{verb}{} {}", at.0, at.1).expect("writing to a string cannot fail");
        }
        last = at;
    }
    path
}

/// Labels near their lines' ends without covering each other.
fn spread(ends: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|a, b| ends[*a].total_cmp(&ends[*b]));
    let mut placed = ends.to_vec();
    let mut free_from = top;
    for &index in &order {
        placed[index] = placed[index].max(free_from);
        free_from = placed[index] + LABEL_PX;
    }
    let mut free_to = bottom;
    for &index in order.iter().rev() {
        placed[index] = tenth(placed[index].min(free_to));
        free_to = placed[index] - LABEL_PX;
    }
    placed
}

fn band(results: &Results, x: &Scale, from: f64) -> Vec<Stretch> {
    let segments = results.winners.iter().flat_map(|winners| &winners.segments);
    let stretches = segments.filter_map(|segment| {
        let begin = float(segment.from_calls_per_month).max(from);
        let end = float(segment.to_calls_per_month).min(TO);
        if begin >= end {
            return None;
        }
        let (start_px, end_px) = (x.px(begin), x.px(end));
        let (name, width) = (say::winner(segment), tenth(end_px - start_px));
        let fits = |text: &str| text.chars().count() as f64 * LETTER_PX + 10.0 < width;
        Some(Stretch {
            x: start_px,
            width,
            colour: index(results, &segment.winner) % COLOURS,
            label: if fits(&name) { name.clone() } else { String::new() },
            name,
            until: (end < TO).then(|| calls(segment.to_calls_per_month)),
        })
    });
    stretches.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_in_the_plot() {
        let placed = spread(&[100.0, 100.0, 99.0, 300.0], 0.0, 120.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= LABEL_PX), "{placed:?}");
        assert!(sorted[3] <= 120.0 && sorted[0] >= 0.0, "{placed:?}");
    }

    #[test]
    fn a_decade_is_as_wide_as_the_next() {
        let scale = Scale { from: 5.0, to: 9.0, start_px: 0.0, end_px: 400.0 };
        assert_eq!([scale.px(1e5), scale.px(1e6), scale.px(1e9)], [0.0, 100.0, 400.0]);
    }
}
