//! The table of `gearshift price`.

use gearshift_compare::{Quote, QuoteLine, Results, RowState};
use gearshift_price::{BreakEven, Side};
use rust_decimal::Decimal;

use crate::grid::{Cell, Column, Flush, lay_out, wrapped};
use crate::numbers::{calls, calls_range, rate};
use crate::price_plot::price_plot;

/// A quote as a table, its break-evens and who is cheapest where; `about` is one line on what was
/// asked.
pub fn price_table(
    quote: &Quote,
    calls_per_month: Decimal,
    about: &[String],
    width: usize,
) -> String {
    let mut lines: Vec<String> =
        about.iter().flat_map(|line| wrapped(line, width, "", 4)).collect();
    let low = match quote.low_confidence.as_slice() {
        [] => String::new(),
        low => format!(", of low confidence (~): {}", low.join(", ")),
    };
    lines.push(format!("{} prices used{low}", quote.prices_used));
    lines.push(String::new());
    let column =
        |heading: &str, flush| Column { heading: heading.into(), flush, gap: 2, group: None };
    let mut columns = vec![column("gear", Flush::Left)];
    for heading in [
        "units",
        "front",
        "compute",
        "store",
        "net",
        "logs",
        "fixed",
        "per M",
        "$/month",
        "95 % interval",
    ] {
        columns.push(column(heading, Flush::Right));
    }
    let rows: Vec<Vec<Cell>> =
        quote.lines.iter().filter(|line| line.sums.is_some()).map(row).collect();
    lines.extend(lay_out(&columns, &rows).into_iter().skip(1));
    for line in quote.lines.iter() {
        if let Some(gap) = &line.gap {
            lines.extend(wrapped(&format!("{}: {gap}", line.row), width, "", 4));
        }
    }
    for line in quote.lines.iter() {
        if let Some(burst) = &line.burst {
            let (day, most) = (rate(burst.sustained_per_s), rate(burst.per_s));
            let text = format!(
                "{}: a unit is counted with {day}/s, which its credits allow all day; from full it \
                 does {most}/s for {:.0} min",
                line.row, burst.minutes
            );
            lines.extend(wrapped(&text, width, "", 4));
        }
    }
    lines.push(String::new());
    lines.extend(break_evens(quote));
    lines.extend(cheapest(quote, width));
    lines.extend(price_plot(quote, calls_per_month, width));
    lines.join("\n") + "\n"
}

/// Rows of a run that are not quoted, in one sentence; none where all are.
pub fn not_quoted(results: &Results) -> Option<String> {
    let left: Vec<&str> = results
        .rows
        .iter()
        .filter(|row| row.state != RowState::Ok)
        .map(|row| row.row.as_str())
        .collect();
    (!left.is_empty()).then(|| format!("not in this run, or not valid there: {}", left.join(", ")))
}

fn row(line: &QuoteLine) -> Vec<Cell> {
    let sums = line.sums.as_ref().expect("only lines with sums");
    let doubtful = if sums.doubtful { "~" } else { "" };
    let mut cells = vec![
        Cell::new(line.row.as_str()),
        Cell::new(line.units.map_or_else(|| "-".to_owned(), |units| units.to_string())),
    ];
    cells.extend(sums.groups.iter().map(|(_, usd)| Cell::new(cents(*usd))));
    cells.push(Cell::new(cents(sums.fixed)));
    cells.push(Cell::new(cents(sums.million)));
    cells.push(Cell::new(cents(sums.month)).marked(doubtful));
    cells.push(Cell::new(match &line.note {
        Some(note) => note.clone(),
        None => format!("{} - {}", cents(sums.low), cents(sums.high)),
    }));
    cells
}

fn cents(usd: Decimal) -> String {
    format!("{:.2}", usd.round_dp(2))
}

/// Where rows that cost by the call and rows that cost by the hour cost the same: a line for each
/// of the former, a column for each of the latter.
fn break_evens(quote: &Quote) -> Vec<String> {
    const COLUMNS: usize = 4;
    let names = |units: bool| {
        let lines = quote.lines.iter().filter(move |line| line.sums.is_some());
        let lines = lines.filter(|line| line.note.is_none());
        lines.filter(move |line| line.units.is_some() == units).map(|line| line.row.as_str())
    };
    let across: Vec<&str> = names(true).take(COLUMNS).collect();
    if across.is_empty() || names(false).next().is_none() {
        return Vec::new();
    }
    let heading = |text: String, flush| Column { heading: text, flush, gap: 3, group: None };
    let mut columns = vec![heading("break-even, calls/month".to_owned(), Flush::Left)];
    columns.extend(across.iter().map(|row| heading(format!("against {row}"), Flush::Right)));
    let cells = |row: &str| {
        let meets = across.iter().map(|other| Cell::new(meets(quote, row, other)));
        std::iter::once(Cell::new(row)).chain(meets).collect::<Vec<Cell>>()
    };
    let rows: Vec<Vec<Cell>> = names(false).map(cells).collect();
    let mut lines: Vec<String> = lay_out(&columns, &rows).into_iter().skip(1).collect();
    lines.push(String::new());
    lines
}

/// Below which volume `row` is cheaper than `other`, with its 95 % interval.
fn meets(quote: &Quote, row: &str, other: &str) -> String {
    let pair = quote
        .break_evens
        .iter()
        .find(|pair| (pair.a == row && pair.b == other) || (pair.a == other && pair.b == row));
    let Some(pair) = pair else { return "?".to_owned() };
    match &pair.break_even {
        BreakEven::At { calls_per_month, per_s, .. } => {
            let per_s = rate(per_s.value.try_into().unwrap_or(f64::NAN));
            let range = calls_per_month.range.as_ref();
            let range = range
                .map_or_else(String::new, |(low, high)| format!(" {}", calls_range(*low, *high)));
            format!("{} ({per_s}/s){range}", calls(calls_per_month.value))
        }
        BreakEven::Always { cheaper, .. } => {
            let cheaper = if *cheaper == Side::A { &pair.a } else { &pair.b };
            if cheaper == row { "always cheaper".to_owned() } else { "always dearer".to_owned() }
        }
        BreakEven::Equal => "equal".to_owned(),
        BreakEven::Unknown(_) => "no price".to_owned(),
    }
}

fn cheapest(quote: &Quote, width: usize) -> Vec<String> {
    let Some(winners) = &quote.winners else { return Vec::new() };
    let parts: Vec<String> = winners
        .segments
        .iter()
        .map(|segment| {
            let units = match segment.units {
                (1, 1) => String::new(),
                (first, last) if first == last => format!(" × {first}"),
                (first, last) => format!(" × {first} to {last}"),
            };
            format!("up to {} {}{units}", calls(segment.to_calls_per_month), segment.winner)
        })
        .collect();
    wrapped(&format!("steady traffic: {}", parts.join(", ")), width, "cheapest    ", 12)
}
