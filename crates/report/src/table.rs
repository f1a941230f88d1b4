//! The screen of `gearshift compare`.

use gearshift_load::Percentile;
use gearshift_results::{Latency, Results, RowResult, RowState};
use rust_decimal::Decimal;

use crate::footnotes::Footnotes;
use crate::grid::{Cell, Column, Flush, lay_out, wrapped};
use crate::memory;
use crate::numbers::{duration, ms, rate, set_rate, usd};
use crate::reasons;
use crate::rows::{has_figures, in_order, mostly, mostly_word, why};
use crate::sentences as say;
use crate::shifting;

/// No line is longer, however wide the terminal is.
const WIDEST: usize = 100;
/// Below this nothing can be laid out.
const NARROWEST: usize = 40;
/// Columns of a label such as `declared` with the blanks behind it.
const LABEL: usize = 10;

/// What the last line points at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Footer<'a> {
    /// Path of the page, such as `.gearshift/runs/7f3a/report.html`.
    pub report: &'a str,
    /// Commands worth trying next; none where empty.
    pub next: &'a [&'a str],
}

/// The comparison for a terminal `width` columns wide (40 to 100 are used), without colour; ends
/// with a line break. The paths of what was written stand last.
///
/// Where the table does not fit, its rows are written as sentences instead.
pub fn table(results: &Results, width: usize, artefacts: &Footer<'_>) -> String {
    let width = width.clamp(NARROWEST, WIDEST);
    let rows = in_order(results);
    let mut notes = Footnotes::default();
    let mut lines = joined(&say::where_it_ran(results), width, "");
    lines.extend(joined(&say::what_was_run(results), width, ""));
    lines.push(String::new());
    lines.extend(body(results, &rows, width, &mut notes));
    lines.push(String::new());
    lines.extend(memory(results, width));
    lines.extend(labelled("here", &say::here(results), width));
    lines.extend(labelled("declared", &format!("{} (see report)", say::declared(results)), width));
    if rows.iter().any(|row| row.cold.is_some()) {
        let text = "cold start mostly declared, mostly measured; the report stacks the parts";
        lines.extend(labelled("d, m", text, width));
    }
    for (mark, note) in notes.lines() {
        lines.extend(wrapped(note, width, &format!("{mark} "), 2));
    }
    lines.push(String::new());
    let mut block = |label, text: Vec<String>| {
        for (index, line) in text.iter().enumerate() {
            lines.extend(labelled(if index == 0 { label } else { "" }, line, width));
        }
    };
    block("runtimes", say::runtimes(results).into_iter().collect());
    block("counter", say::counter(results));
    block("parity", say::parity(results));
    block("limits", say::bounds(results));
    block("SLO", say::slo(results));
    block(
        "cheapest",
        [say::cheapest(results), reasons::why(results).into_iter().collect()].concat(),
    );
    block("by month", reasons::months(results));
    block("shifting", shifting::sentence(results).into_iter().collect());
    block("prices", say::prices(results).into_iter().collect());
    lines.extend(joined(&say::checks(results), width, &format!("{:LABEL$}", "checks")));
    if let Some(means) = say::published(results) {
        lines.extend(labelled("2021", &means, width));
    }
    lines.push(String::new());
    lines.extend(last(artefacts, width));
    lines.join("\n") + "\n"
}

/// The table of a sweep over memory, and the blank line behind it.
fn memory(results: &Results, width: usize) -> Vec<String> {
    if results.memory.is_empty() {
        return Vec::new();
    }
    let (columns, cells) = memory::grid(&results.memory);
    // The first line is for titles, and there are none.
    let lines = lay_out(&columns, &cells).into_iter().skip(1);
    let mut lines: Vec<String> = lines.flat_map(|line| wrapped(&line, width, "", 4)).collect();
    lines.push(String::new());
    lines
}

/// Parts in a line with ` · ` between them; where they do not fit, the next line begins with a part.
fn joined(parts: &[String], width: usize, label: &str) -> Vec<String> {
    let room = width - label.len();
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let longer = lines.last().map(|line| format!("{line} · {part}"));
        match longer.filter(|line| textwrap::core::display_width(line) <= room) {
            Some(longer) => *lines.last_mut().expect("it was made longer") = longer,
            None => lines.push(part.clone()),
        }
    }
    let indent = " ".repeat(label.len());
    let starts = std::iter::once(label).chain(std::iter::repeat(indent.as_str()));
    let hanging = if label.is_empty() { 4 } else { label.len() };
    lines
        .iter()
        .zip(starts)
        .flat_map(|(line, start)| wrapped(line, width, start, hanging))
        .collect()
}

fn labelled(label: &str, text: &str, width: usize) -> Vec<String> {
    wrapped(text, width, &format!("{label:LABEL$}"), LABEL)
}

fn last(artefacts: &Footer<'_>, width: usize) -> Vec<String> {
    let mut text = artefacts.report.to_owned();
    if !artefacts.next.is_empty() {
        text.push_str(&format!("     next: {}", artefacts.next.join(" · ")));
    }
    labelled("report", &text, width)
}

fn body(
    results: &Results,
    rows: &[&RowResult],
    width: usize,
    notes: &mut Footnotes,
) -> Vec<String> {
    let figures: Vec<&RowResult> = rows.iter().copied().filter(|row| has_figures(row)).collect();
    let (columns, cells) = grid(results, &figures, notes);
    let with_code = lay_out(&columns, &cells);
    let fits =
        |lines: &[String]| lines.iter().all(|line| textwrap::core::display_width(line) <= width);
    let without_code = |rows: &[Vec<Cell>]| -> Vec<Vec<Cell>> {
        let keep = |row: &Vec<Cell>| [&row[..1], &row[2..]].concat();
        rows.iter().map(keep).collect()
    };
    let laid_out = if fits(&with_code) {
        with_code
    } else {
        let mut columns = columns;
        columns.remove(1);
        lay_out(&columns, &without_code(&cells))
    };
    let mut lines = Vec::new();
    if fits(&laid_out) {
        lines.extend_from_slice(&laid_out[..2]);
        for (row, line) in figures.iter().zip(&laid_out[2..]) {
            lines.push(line.clone());
            lines.extend(reason(row, width));
        }
    } else {
        for (row, cells) in figures.iter().zip(&cells) {
            lines.extend(sentence(row, cells, width));
            lines.extend(reason(row, width));
        }
    }
    let name_width = rows.iter().map(|row| textwrap::core::display_width(&row.row)).max();
    for row in rows.iter().filter(|row| !has_figures(row)) {
        lines.extend(stated(row, name_width.unwrap_or(0), width));
    }
    lines
}

fn grid(
    results: &Results,
    rows: &[&RowResult],
    notes: &mut Footnotes,
) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let rate_per_s =
        most_common(rows.iter().filter_map(|row| Some(row.latency.as_ref()?.rate_per_s)));
    let colds = most_common(rows.iter().filter_map(|row| Some(row.cold.as_ref()?.n as f64)));
    let column = |heading: &str, flush, gap, group: Option<String>| Column {
        heading: heading.to_owned(),
        flush,
        gap,
        group,
    };
    let latency = match rate_per_s {
        Some(per_s) => format!("latency at {}/s, ms", set_rate(per_s)),
        None => "latency, ms".to_owned(),
    };
    let cold = colds.map_or("p50".to_owned(), |n| format!("p50, n={n}"));
    let columns = vec![
        column("gear", Flush::Left, 0, None),
        column("code", Flush::Left, 1, None),
        column("p50 =", Flush::Right, 1, Some(latency)),
        column("here +", Flush::Right, 1, None),
        column("declared", Flush::Right, 1, None),
        column("p99", Flush::Right, 2, None),
        column(&cold, Flush::Right, 2, Some("cold start".to_owned())),
        column("req/s,", Flush::Right, 2, Some("ceiling".to_owned())),
        column("set by", Flush::Left, 1, None),
        column("month", Flush::Right, 1, Some("cost, $".to_owned())),
        column("per M", Flush::Right, 2, None),
    ];
    let region = &results.region;
    let cells = rows.iter().map(|row| cells(row, region, (rate_per_s, colds), notes)).collect();
    (columns, cells)
}

fn most_common(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    let times = |value: f64| values.iter().filter(|other| **other == value).count();
    // Of equally common ones the first.
    values.iter().copied().rev().max_by_key(|value| times(*value))
}

fn cells(
    row: &RowResult,
    region: &str,
    usual: (Option<f64>, Option<f64>),
    notes: &mut Footnotes,
) -> Vec<Cell> {
    let (usual_rate, usual_colds) = usual;
    let latency = row.latency.as_ref();
    let figure = |value: Option<f64>| Cell::new(value.map(ms).unwrap_or_default());
    // Brackets first, footnote marks behind them.
    let state = |cell: Cell| if row.state == RowState::Ok { cell } else { cell.bracketed() };
    let mut p50 = state(figure(latency.map(|latency| latency.p50_ms.value)));
    if let Some(latency) = latency.filter(|latency| Some(latency.rate_per_s) != usual_rate) {
        p50 = p50.marked(&notes.mark(&other_rate(latency)));
    }
    let mut cold = state(match &row.cold {
        Some(cold) => {
            Cell::new(format!("{} {}", duration(cold.p50_ms.value), mostly(cold.declared_share)))
        }
        None => Cell::default(),
    });
    if let Some(cold_start) = row.cold.as_ref().filter(|cold| Some(cold.n as f64) != usual_colds) {
        cold = cold.marked(&notes.mark(&format!("n={} cold starts", cold_start.n)));
    }
    let [per_s, set_by] = ceiling(row, notes);
    let [month, million] = money(row, region, notes);
    vec![
        name(row, notes),
        Cell::new(row.code.to_string()),
        p50,
        state(figure(latency.map(|latency| latency.here_ms.value))),
        state(figure(latency.map(|latency| latency.declared_ms.value))),
        state(Cell::new(latency.map(|latency| percentile(latency.p99_ms)).unwrap_or_default())),
        cold,
        per_s,
        set_by,
        if month.body.is_empty() { month } else { state(month) },
        if million.body.is_empty() { million } else { state(million) },
    ]
}

/// Marked where its code did not run on the provider's own runtime client.
fn name(row: &RowResult, notes: &mut Footnotes) -> Cell {
    let name = Cell::new(row.row.as_str());
    match row.runtime.as_ref().filter(|runtime| !runtime.official) {
        Some(runtime) => name.marked(&notes.mark(&runtime.to_string())),
        None => name,
    }
}

fn other_rate(latency: &Latency) -> String {
    format!(
        "at {}/s: at 10/s one environment would have been busy more than half the time",
        set_rate(latency.rate_per_s)
    )
}

pub(crate) fn percentile(value: Percentile) -> String {
    match value {
        Percentile::Value(value) => ms(value),
        few @ Percentile::TooFew { .. } => few.to_string(),
    }
}

/// The rate and what sets it; one pair of brackets holds both.
fn ceiling(row: &RowResult, notes: &mut Footnotes) -> [Cell; 2] {
    let Some(ceiling) = &row.ceiling else { return Default::default() };
    let mark = if ceiling.note.is_empty() { String::new() } else { notes.mark(&ceiling.note) };
    let (per_s, set_by) = (rate(ceiling.sustained.per_s.value), ceiling.sustained.set_by.as_str());
    match row.state {
        RowState::Ok => [Cell::new(per_s), Cell::new(set_by).marked(&mark)],
        _ => [Cell::new(format!("({per_s}")), Cell::new(set_by).marked(")").marked(&mark)],
    }
}

/// A month and a million calls; an amount that is missing is an empty cell with a note.
fn money(row: &RowResult, region: &str, notes: &mut Footnotes) -> [Cell; 2] {
    let Some(money) = &row.money else { return Default::default() };
    let mut cell = |usd_known: Option<Decimal>| match usd_known {
        Some(value) => Cell::new(usd(value)),
        None => {
            let gap = money.gap.clone();
            let gap = gap.unwrap_or_else(|| format!("no price for {} in {region}", row.row));
            Cell::default().marked(&notes.mark(&gap))
        }
    };
    let month = cell(money.month_usd.as_ref().map(|known| known.value));
    [month, cell(money.million_usd.as_ref().map(|known| known.value))]
}

/// A row's figures as a sentence, for narrow terminals.
fn sentence(row: &RowResult, cells: &[Cell], width: usize) -> Vec<String> {
    let text = |index: usize| cells[index].text();
    let mut parts = Vec::new();
    if row.latency.is_some() {
        parts.push(format!("p50 {} ms = {} here + {} declared", text(2), text(3), text(4)));
        parts.push(format!("p99 {}", text(5)));
    }
    if let Some(cold) = &row.cold {
        let (open, close) = if row.state == RowState::Ok { ("", "") } else { ("(", ")") };
        let time = duration(cold.p50_ms.value);
        parts.push(format!("cold start {open}{time}{close}, {}", mostly_word(cold.declared_share)));
    }
    if row.ceiling.is_some() {
        parts.push(format!("ceiling {} req/s, {}", text(7), text(8)));
    }
    if row.money.is_some() {
        parts.push(format!("{} a month, {} per M calls", dollars(&cells[9]), dollars(&cells[10])));
    }
    let text = format!("{} ({}): {}", row.row, row.code, parts.join(" · "));
    wrapped(&text, width, "", 2)
}

/// `$14.21`, `<$0.01`, `($2.12)`.
fn dollars(cell: &Cell) -> String {
    let text = cell.text();
    match text.find(|c: char| c.is_ascii_digit()) {
        Some(digits) => format!("{}${}", &text[..digits], &text[digits..]),
        None => format!("no price{text}"),
    }
}

fn reason(row: &RowResult, width: usize) -> Vec<String> {
    let Some(why) = why(row) else { return Vec::new() };
    let command = row.command.as_ref().map(|command| format!(" → {command}")).unwrap_or_default();
    wrapped(&format!("{why}{command}"), width, "  ", 4)
}

/// A row without figures: its state, the reason and the command in one line, or wrapped.
fn stated(row: &RowResult, name_width: usize, width: usize) -> Vec<String> {
    let in_columns = format!("{:name_width$} {:6} ", row.row, row.code.to_string());
    let indent = textwrap::core::display_width(&in_columns);
    // Long names leave no room beside them.
    let (start, indent) = if indent <= width / 2 {
        (in_columns, indent)
    } else {
        (format!("{} ({}): ", row.row, row.code), 4)
    };
    let why = why(row).unwrap_or_default();
    let command = row.command.as_ref().map(|command| format!(" → {command}")).unwrap_or_default();
    wrapped(&format!("{start}{why}{command}"), width, "", indent)
}
