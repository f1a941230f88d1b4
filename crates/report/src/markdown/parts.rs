//! What latencies and cold starts are made of.

use gearshift_results::{PartMs, Results};

use super::{section, table, text};
use crate::numbers::{duration, ms, percent, set_rate};
use crate::rows::in_order;

/// A table of latencies, then each row's parts.
pub(super) fn latency(results: &Results) -> String {
    let rows = in_order(results);
    let rows: Vec<_> = rows.iter().filter_map(|row| Some((row, row.latency.as_ref()?))).collect();
    let figures = rows.iter().map(|(row, latency)| {
        let range = latency.p50_ms.range.map(|(low, high)| format!("{} - {}", ms(low), ms(high)));
        vec![
            text(&row.row),
            set_rate(latency.rate_per_s),
            latency.n.to_string(),
            ms(latency.p50_ms.value),
            range.unwrap_or_default(),
            ms(latency.max_ms),
        ]
    });
    let header = ["gear", "rate, /s", "n", "p50, ms", "95 % interval", "max, ms"];
    let mut out = table(&header, 1, figures.collect());
    let parts = rows.iter().map(|(row, latency)| (row.row.as_str(), latency.parts.as_slice()));
    out += &parts_table(parts);
    if !out.is_empty() {
        out += "Means over the calls near the median. *handler* is the service's own time and holds \
                the store's laws.\n";
    }
    section("Latency", out)
}

/// A table of cold starts, then the parts of each row's median one.
pub(super) fn cold_starts(results: &Results) -> String {
    let rows = in_order(results);
    let rows: Vec<_> = rows.iter().filter_map(|row| Some((row, row.cold.as_ref()?))).collect();
    let figures = rows.iter().map(|(row, cold)| {
        vec![
            text(&row.row),
            cold.n.to_string(),
            duration(cold.p50_ms.value),
            duration(cold.min_ms),
            duration(cold.max_ms),
            percent(cold.declared_share),
        ]
    });
    let header = ["gear", "n", "p50", "min", "max", "declared"];
    let mut out = table(&header, 1, figures.collect());
    out += &parts_table(rows.iter().map(|(row, cold)| (row.row.as_str(), cold.parts.as_slice())));
    section("Cold starts", out)
}

fn parts_table<'a>(rows: impl Iterator<Item = (&'a str, &'a [PartMs])>) -> String {
    let lines = rows.flat_map(|(row, parts)| {
        parts
            .iter()
            .map(move |part| vec![text(row), text(&part.name), text(&part.kind), ms(part.ms)])
    });
    table(&["gear", "part", "kind", "ms"], 3, lines.collect())
}
