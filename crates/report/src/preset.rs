//! A published cost table beside what its rules give.

use std::fmt::Write;

use gearshift_price::{Per, Preset, PresetRow};

use crate::grid::{Cell, Column, Flush, lay_out};

/// For a terminal, without colour; ends with a line break.
pub fn preset(preset: &Preset) -> String {
    let column =
        |heading: &str, flush, gap| Column { heading: heading.to_owned(), flush, gap, group: None };
    let columns = [
        column("row", Flush::Left, 0),
        column("per", Flush::Left, 2),
        column("published $", Flush::Right, 2),
        column("by its rules", Flush::Right, 2),
        column("", Flush::Left, 2),
    ];
    let cells: Vec<Vec<Cell>> = preset.rows.iter().map(cells).collect();
    let exact = preset.rows.iter().filter(|row| row.reproduced).count();
    let mut text = format!("preset {} · {} · {}\n", preset.name, preset.source, preset.region);
    // The first line of titles is empty here.
    for line in &lay_out(&columns, &cells)[1..] {
        writeln!(text, "{line}").expect("writing to a string");
    }
    writeln!(text, "\n{exact} of {} figures exactly, by these rules:", preset.rows.len())
        .expect("writing to a string");
    for rule in &preset.rules {
        writeln!(text, "  {rule}").expect("writing to a string");
    }
    for PresetRow { row, note, .. } in &preset.rows {
        if let Some(note) = note {
            writeln!(text, "{row}: {note}").expect("writing to a string");
        }
    }
    text.push_str("lines and prices: gearshift compare --preset seed-2021 --json\n");
    text
}

fn cells(row: &PresetRow) -> Vec<Cell> {
    let per = match row.per {
        Per::Month => "month",
        Per::MillionCalls => "M calls",
    };
    let verdict = if row.reproduced { "exact" } else { "DIFFERS" };
    vec![
        Cell::new(row.row.as_str()),
        Cell::new(per),
        Cell::new(format!("{:.2}", row.published_usd)),
        Cell::new(format!("{:.2}", row.usd)),
        Cell::new(verdict),
    ]
}
