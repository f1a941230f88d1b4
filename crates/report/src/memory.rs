//! Functions over their memory, as columns.

use gearshift_results::{MemoryPoint, MemorySweep, RowState};

use crate::grid::{Cell, Column, Flush};
use crate::numbers::{ms, usd};

/// Headings of a point's figures, in the order of [`figures`].
pub(crate) const HEADINGS: [&str; 4] = ["MB", "p50, ms", "billed, ms", "$ per M"];

/// Memory, p50, billed duration and price per million calls; in brackets where not ok.
pub(crate) fn figures(point: &MemoryPoint) -> [Cell; 4] {
    let state = |cell: Cell| if point.state == RowState::Ok { cell } else { cell.bracketed() };
    let time = |known: &Option<gearshift_gear::Known<f64>>| {
        Cell::new(known.as_ref().map(|known| ms(known.value)).unwrap_or_default())
    };
    let million = point.million_usd.as_ref().map(|known| usd(known.value));
    [
        Cell::new(point.memory_mb.to_string()),
        state(time(&point.p50_ms)),
        state(time(&point.billed_ms)),
        state(Cell::new(million.unwrap_or_default())),
    ]
}

/// `cheapest`, `fastest`, both, or why the point is not ok.
pub(crate) fn remark(sweep: &MemorySweep, point: &MemoryPoint) -> String {
    let is = |mb: Option<u32>, word| (mb == Some(point.memory_mb)).then_some(word);
    let words = [is(sweep.cheapest_mb, "cheapest"), is(sweep.fastest_mb, "fastest")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    match (&point.reason, point.state) {
        (_, RowState::Ok) => words.join(", "),
        (Some(why), state) => format!("{}: {why}", state.word()),
        (None, state) => state.word().to_owned(),
    }
}

/// Columns and cells of all sweeps; a row's name stands at its first point.
pub(crate) fn grid(sweeps: &[MemorySweep]) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let column =
        |heading: &str, flush| Column { heading: heading.to_owned(), flush, gap: 2, group: None };
    let mut columns = vec![column("memory", Flush::Left)];
    columns.extend(HEADINGS.map(|heading| column(heading, Flush::Right)));
    columns.push(column("", Flush::Left));
    let mut cells = Vec::new();
    for sweep in sweeps {
        for (index, point) in sweep.points.iter().enumerate() {
            let name = if index == 0 { sweep.row.as_str() } else { "" };
            let mut line = vec![Cell::new(name)];
            line.extend(figures(point));
            line.push(Cell::new(remark(sweep, point)));
            cells.push(line);
        }
    }
    (columns, cells)
}
