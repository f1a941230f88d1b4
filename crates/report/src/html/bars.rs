//! What latencies and cold starts are made of, as stacked bars.

use gearshift_results::{PartMs, Results, RowResult, RowState};
use serde::Serialize;

use crate::numbers::{duration, ms, with_unit};
use crate::rows::{in_order, mostly_word};

/// A bar's whole width in its own coordinates.
const WIDTH: f64 = 1000.0;
/// Cold starts from here on are drawn on a scale of their own: an instance boots in tens of
/// seconds, beside which a function's start would not be seen.
const SLOW_MS: f64 = 5_000.0;

/// Classes of a latency's parts in the order of the key.
const CLASSES: [&str; 5] = ["here", "net", "front", "compute", "store"];

/// Bars on one scale.
#[derive(Serialize)]
pub(super) struct Bars {
    scale: String,
    rows: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    name: String,
    total: String,
    /// Under the total.
    note: String,
    /// INVALID or unshaped.
    doubtful: bool,
    segments: Vec<Segment>,
    /// The same as a table, and in words.
    parts: Vec<Part>,
    words: String,
}

#[derive(Serialize)]
struct Part {
    name: String,
    class: &'static str,
    time: String,
}

#[derive(Serialize)]
struct Segment {
    x: f64,
    width: f64,
    class: &'static str,
    title: String,
}

/// A row's bar before its scale is known.
struct Stack<'a> {
    row: &'a RowResult,
    total: String,
    note: String,
    pieces: Vec<Piece>,
}

struct Piece {
    name: String,
    class: &'static str,
    ms: f64,
}

/// Latency near the median: here, then each law.
pub(super) fn latency(results: &Results) -> Vec<Bars> {
    let rows = in_order(results);
    let bars = rows.iter().filter_map(|row| {
        let latency = row.latency.as_ref()?;
        let here = Piece { name: "here".to_owned(), class: "here", ms: latency.here_ms.value };
        let laws = latency.parts.iter().filter(|part| part.kind == "declared").map(piece);
        let mut pieces: Vec<Piece> = std::iter::once(here).chain(laws).collect();
        // Means have no order in time: from the caller inwards, as the key names them.
        let place = |piece: &Piece| CLASSES.iter().position(|class| *class == piece.class);
        pieces.sort_by_key(place);
        let (here, declared) = (latency.here_ms.value, latency.declared_ms.value);
        let note = format!("{} + {}", ms(here), ms(declared));
        Some(Stack { row, total: with_unit(latency.p50_ms.value), note, pieces })
    });
    on_one_scale(bars.collect(), with_unit).into_iter().collect()
}

/// The median cold start's parts; slow starts and fast ones each on their own scale.
pub(super) fn cold_starts(results: &Results) -> Vec<Bars> {
    let rows = in_order(results);
    let bars = rows.iter().filter_map(|row| {
        let cold = row.cold.as_ref()?;
        let pieces: Vec<Piece> = cold.parts.iter().map(piece).collect();
        let note = mostly_word(cold.declared_share).to_owned();
        Some(Stack { row, total: duration(cold.p50_ms.value), note, pieces })
    });
    let (slow, fast): (Vec<_>, Vec<_>) = bars.partition(|bar| total(&bar.pieces) >= SLOW_MS);
    [fast, slow].into_iter().filter_map(|bars| on_one_scale(bars, duration)).collect()
}

fn piece(part: &PartMs) -> Piece {
    Piece { name: part.name.clone(), class: class(part), ms: part.ms.max(0.0) }
}

/// Which kind of thing took the time; laws are named `what.detail`.
fn class(part: &PartMs) -> &'static str {
    if matches!(part.kind.as_str(), "measured" | "late") {
        return if part.name == "first request" { "here" } else { "start" };
    }
    match part.name.split('.').next() {
        Some("net") => "net",
        Some("apigw" | "alb" | "tls") => "front",
        Some("ddb" | "s3" | "efs") => "store",
        _ => "compute",
    }
}

fn total(pieces: &[Piece]) -> f64 {
    pieces.iter().map(|piece| piece.ms).sum()
}

fn on_one_scale(bars: Vec<Stack<'_>>, shown: fn(f64) -> String) -> Option<Bars> {
    let longest = bars.iter().map(|bar| total(&bar.pieces)).fold(0.0, f64::max);
    if longest <= 0.0 {
        return None;
    }
    let part = |piece: &Piece| Part {
        name: piece.name.clone(),
        class: piece.class,
        time: shown(piece.ms),
    };
    let rows = bars.into_iter().map(|bar| Bar {
        name: bar.row.row.clone(),
        doubtful: bar.row.state != RowState::Ok,
        segments: segments(&bar.pieces, longest, shown),
        parts: bar.pieces.iter().map(part).collect(),
        words: words(&bar.pieces, shown),
        total: bar.total,
        note: bar.note,
    });
    Some(Bars { scale: shown(longest), rows: rows.collect() })
}

fn segments(pieces: &[Piece], longest: f64, shown: fn(f64) -> String) -> Vec<Segment> {
    let mut at = 0.0;
    let segment = |piece: &Piece| {
        let (x, width) = (at, piece.ms / longest * WIDTH);
        at += width;
        let title = format!("{}: {}", piece.name, shown(piece.ms));
        Segment { x: hundredth(x), width: hundredth(width), class: piece.class, title }
    };
    pieces.iter().filter(|piece| piece.ms > 0.0).map(segment).collect()
}

fn hundredth(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn words(pieces: &[Piece], shown: fn(f64) -> String) -> String {
    let words = pieces.iter().map(|piece| format!("{} {}", piece.name, shown(piece.ms)));
    words.collect::<Vec<_>>().join(", ")
}
