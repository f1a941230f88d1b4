//! Two runs side by side.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use gearshift_results::{Change, Diff};

use crate::grid::wrapped;
use crate::numbers::{ms, usd};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

const WIDTH: u16 = 100;

/// The changes between two runs as a table at most 100 columns wide: settings that differ, then
/// each figure before and after; ends with a line break.
pub fn diff_table(diff: &Diff) -> String {
    let mut lines = vec![format!("run {} → run {}", diff.before, diff.after)];
    if !diff.settings.is_empty() {
        let text = diff.settings.join(" · ");
        lines.extend(wrapped(&text, WIDTH.into(), "settings  ", 10));
    }
    lines.push(String::new());
    if diff.changes.is_empty() {
        lines.push("no figure in either run".to_owned());
    } else {
        lines.extend(changes(&diff.changes).lines().map(|line| line.trim_end().to_owned()));
    }
    if diff.changes.iter().any(|change| change.within_interval == Some(true)) {
        lines.push(String::new());
        lines.push("intervals overlap: these runs show no change".to_owned());
    }
    lines.join("\n") + "\n"
}

fn changes(changes: &[Change]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(["gear", "figure", "before", "after", "after ÷ before", ""]);
    let mut above = "";
    for change in changes {
        // A row's name stands once, at its first figure.
        let name = if change.row == above { "" } else { change.row.as_str() };
        above = &change.row;
        let figure = |value: Option<f64>| value.map_or("-".to_owned(), |v| shown(&change.what, v));
        table.add_row([
            name.to_owned(),
            change.what.clone(),
            figure(change.before),
            figure(change.after),
            change.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            note(change).to_owned(),
        ]);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if (2..5).contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn shown(what: &str, value: f64) -> String {
    match Decimal::from_f64(value) {
        Some(amount) if what.starts_with('$') => usd(amount),
        _ => ms(value),
    }
}

fn note(change: &Change) -> &'static str {
    match (change.before, change.after, change.within_interval) {
        (None, _, _) => "new",
        (_, None, _) => "gone",
        (_, _, Some(true)) => "intervals overlap",
        (_, _, Some(false)) => "changed",
        (_, _, None) => "",
    }
}
