//! Cost a month against calls a month, on log axes, with the cheapest row as a band below.

use gearshift_price::{BreakEven, SECONDS_PER_MONTH, Segment};
use gearshift_results::Results;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Serialize;

use super::axis::{Log, Tick, path, spread_out, tenth};
use super::costs::{Priced, float, index, priced};
use super::page::COLOURS;
use crate::numbers::{calls, rate};
use crate::sentences as say;

/// The picture begins here unless the cheapest row changes earlier, calls a month.
const FROM: f64 = 1e5;
/// And ends here: as far as winners are looked for.
const TO: f64 = 1e9;
const POINTS: usize = 160;
/// Lines are told apart by their dashes as well as by their colour.
pub(super) const DASHES: [&str; 6] = ["", "8 4", "2 4", "10 4 2 4", "18 5", "6 3 2 3 2 3"];
/// Least distance between two labels, in pixels.
const LABEL_PX: f64 = 16.0;
const BAND_PX: f64 = 22.0;
/// Width of a letter of a label, at most about, in pixels.
const LETTER_PX: f64 = 8.2;
/// Height of a line of text, in pixels.
const LINE_PX: f64 = 18.0;
/// Steps are named as far as they lie this far apart, in pixels.
const STEP_PX: f64 = 36.0;
/// What is narrower hides behind the line in its middle, in pixels.
const RANGE_PX: f64 = 3.0;

/// What differs between the picture on a screen and on a phone; pixels at full width.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Size {
    id: &'static str,
    width: f64,
    plot_height: f64,
    left: f64,
    right: f64,
    /// Letters in a line above and below the plot.
    letters: usize,
    /// Names at the lines' ends; else numbers, which the legend explains.
    names: bool,
}

pub(super) const WIDE: Size = Size {
    id: "wide",
    width: 1000.0,
    plot_height: 350.0,
    left: 62.0,
    right: 190.0,
    letters: 118,
    names: true,
};
pub(super) const NARROW: Size = Size {
    id: "narrow",
    width: 360.0,
    plot_height: 240.0,
    left: 46.0,
    right: 34.0,
    letters: 44,
    names: false,
};

#[derive(Serialize)]
pub(super) struct Chart {
    size: Size,
    height: f64,
    top: f64,
    plot_right: f64,
    plot_bottom: f64,
    band_top: f64,
    band_height: f64,
    title: String,
    /// Under the title, a line each; together with it what the picture says in words.
    lead: Vec<String>,
    /// What the picture shows when it stands alone; a line each.
    caption: Vec<String>,
    lines: Vec<Line>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    band: Vec<Stretch>,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    /// Its number in the legend, from 1.
    number: usize,
    colour: usize,
    dash: &'static str,
    /// Cheapest somewhere: drawn over the others, where lines lie on each other.
    wins: bool,
    path: String,
    end_y: f64,
    label_y: f64,
    /// Where one more unit begins: `× 2`.
    steps: Vec<Mark>,
}

#[derive(Serialize)]
struct Mark {
    x: f64,
    y: f64,
    label: String,
}

#[derive(Serialize)]
struct Stretch {
    x: f64,
    width: f64,
    colour: usize,
    name: String,
    /// The name, its number in the legend where there is no room for it, or nothing.
    label: String,
    until: Option<String>,
}

/// Where the cheapest row changes.
#[derive(Serialize)]
struct Change {
    x: f64,
    y: f64,
    /// Empty where the one before is too near.
    label: String,
    /// What the speed of a core leaves open: x and width.
    range: Option<(f64, f64)>,
}

/// A row with its points: calls and US dollars a month.
struct Curve<'a> {
    row: Priced<'a>,
    points: Vec<(f64, f64)>,
}

/// The picture; none where no row has a price.
pub(super) fn chart(results: &Results, size: Size) -> Option<Chart> {
    let from = begin(results);
    let curve = |row| Curve { points: points(&row, from), row };
    let curves: Vec<Curve<'_>> = priced(results).into_iter().map(curve).collect();
    let costs = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.1);
    let (lowest, highest) = (costs().fold(f64::INFINITY, f64::min), costs().fold(0.0, f64::max));
    if highest <= 0.0 {
        return None;
    }
    let cheapest = say::cheapest(results).first().cloned().unwrap_or_default();
    let lead = wrapped(&format!("Cheapest: {cheapest}."), &size);
    let caption = wrapped(&caption(results), &size);
    let top = 24.0 + LINE_PX * lead.len() as f64 + 42.0;
    let (plot_right, plot_bottom) = (size.width - size.right, top + size.plot_height);
    let band_top = plot_bottom + 46.0;
    let x = Log { from: from.log10(), to: TO.log10(), start_px: size.left, end_px: plot_right };
    let low = lowest.log10().floor();
    let high = highest.log10().ceil().max(low + 1.0);
    let y = Log { from: low, to: high, start_px: plot_bottom, end_px: top };
    let tick = |at, label| Tick { at, label };
    Some(Chart {
        height: band_top + BAND_PX + LINE_PX * caption.len() as f64 + 12.0,
        top,
        plot_right,
        plot_bottom,
        band_top,
        band_height: BAND_PX,
        title: format!("What a month of {} costs", results.service),
        lead,
        caption,
        lines: lines(results, &curves, &x, &y, &size),
        x_ticks: x.decades().map(|calls| tick(x.px(calls), calls_label(calls))).collect(),
        y_ticks: y.decades().map(|usd| tick(y.px(usd), usd_label(usd))).collect(),
        band: band(results, &curves, &x, from),
        changes: changes(results, &curves, &x, &y),
        size,
    })
}

/// The least number of calls a month that is drawn.
fn begin(results: &Results) -> f64 {
    let first_change = segments(results).next();
    let first_change = first_change.map_or(FROM, |segment| float(segment.to_calls_per_month));
    FROM.min(10f64.powf((first_change.max(10.0) / 2.0).log10().floor()))
}

fn segments(results: &Results) -> impl Iterator<Item = &Segment> {
    results.winners.iter().flat_map(|winners| &winners.segments)
}

fn caption(results: &Results) -> String {
    format!(
        "{} on {}, run {} · {}, prices of {} · Gearshift {}",
        results.service,
        results.on,
        results.run,
        results.region,
        results.prices_of,
        results.version
    )
}

fn wrapped(text: &str, size: &Size) -> Vec<String> {
    textwrap::wrap(text, size.letters).into_iter().map(|line| line.into_owned()).collect()
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
fn points(row: &Priced<'_>, from: f64) -> Vec<(f64, f64)> {
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

fn lines(results: &Results, curves: &[Curve<'_>], x: &Log, y: &Log, size: &Size) -> Vec<Line> {
    let segments = || results.winners.iter().flat_map(|winners| &winners.segments);
    let ends = curves.iter().map(|curve| curve.points.last().map_or(y.start_px, |p| y.px(p.1)));
    let ends: Vec<f64> = ends.collect();
    let label_ys = spread_out(&ends, LABEL_PX, y.end_px, y.start_px);
    let line = |(order, curve): (usize, &Curve<'_>)| Line {
        name: curve.row.name.to_owned(),
        number: order + 1,
        colour: curve.row.index % COLOURS,
        dash: DASHES[order % DASHES.len()],
        wins: segments().any(|segment| segment.winner == curve.row.name),
        path: path(curve.points.iter().map(|(calls, usd)| (x.px(*calls), y.px(*usd)))),
        end_y: ends[order],
        label_y: label_ys[order],
        steps: if size.names { steps(&curve.row, x, y) } else { Vec::new() },
    };
    curves.iter().enumerate().map(line).collect()
}

/// The first steps, as far as there is room for their names.
fn steps(row: &Priced<'_>, x: &Log, y: &Log) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for calls in row.steps() {
        let after = calls.floor() + Decimal::ONE;
        let at = x.px(float(after));
        let too_near = marks.last().is_some_and(|mark| at - mark.x < STEP_PX);
        if at > x.end_px || too_near {
            break;
        }
        let Some(cost) = row.at(after).filter(|_| at >= x.start_px) else { continue };
        marks.push(Mark { x: at, y: y.px(float(cost.usd)), label: format!("× {}", cost.units) });
    }
    marks
}

fn band(results: &Results, curves: &[Curve<'_>], x: &Log, from: f64) -> Vec<Stretch> {
    let stretches = segments(results).filter_map(|segment| {
        let begin = float(segment.from_calls_per_month).max(from);
        let end = float(segment.to_calls_per_month).min(TO);
        if begin >= end {
            return None;
        }
        let (start_px, end_px) = (x.px(begin), x.px(end));
        let (name, width) = (say::winner(segment), tenth(end_px - start_px));
        let order = curves.iter().position(|curve| curve.row.name == segment.winner);
        let number = order.map(|order| (order + 1).to_string());
        let fits = |text: &String| text.chars().count() as f64 * LETTER_PX + 12.0 < width;
        Some(Stretch {
            x: start_px,
            width,
            colour: index(results, &segment.winner) % COLOURS,
            label: [Some(name.clone()), number]
                .into_iter()
                .flatten()
                .find(fits)
                .unwrap_or_default(),
            name,
            until: (end < TO).then(|| calls(segment.to_calls_per_month)),
        })
    });
    stretches.collect()
}

fn changes(results: &Results, curves: &[Curve<'_>], x: &Log, y: &Log) -> Vec<Change> {
    let segments: Vec<&Segment> = segments(results).collect();
    let mut changes: Vec<Change> = Vec::new();
    let mut free_from = x.start_px;
    for pair in segments.windows(2) {
        let at = pair[0].to_calls_per_month;
        let cost = curves.iter().find(|curve| curve.row.name == pair[0].winner);
        let Some(cost) = cost.and_then(|curve| curve.row.at(at)) else { continue };
        let centre = x.px(float(at));
        let per_s = float(at / Decimal::from(SECONDS_PER_MONTH));
        let label = format!("{} · {}/s", calls(at), rate(per_s));
        let half = label.chars().count() as f64 * LETTER_PX / 2.0;
        let fits = centre - half >= free_from && centre <= x.end_px;
        if fits {
            free_from = centre + half;
        }
        changes.push(Change {
            x: centre,
            y: y.px(float(cost.usd)),
            label: if fits { label } else { String::new() },
            range: range(results, pair[0], pair[1])
                .map(|(low, high)| (x.px(low).max(x.start_px), x.px(high).min(x.end_px)))
                .map(|(low, high)| (low, tenth(high - low)))
                .filter(|(_, width)| *width >= RANGE_PX),
        });
    }
    changes
}

/// Between which volumes the change may lie.
fn range(results: &Results, below: &Segment, above: &Segment) -> Option<(f64, f64)> {
    let of = |names: (&str, &str)| {
        names == (below.winner.as_str(), above.winner.as_str())
            || names == (above.winner.as_str(), below.winner.as_str())
    };
    let pair = results.break_evens.iter().find(|pair| of((&pair.a, &pair.b)))?;
    let BreakEven::At { calls_per_month, .. } = &pair.break_even else { return None };
    let (low, high) = calls_per_month.range?;
    // Two rows can change places more than once; the range is that of one change.
    (low..=high).contains(&below.to_calls_per_month).then(|| (float(low), float(high)))
}
