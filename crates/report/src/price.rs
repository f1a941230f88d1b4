//! The table of `gearshift price`.

use gearshift_price::{BreakEven, Side};
use gearshift_quote::{FLEX, Quote, QuoteLine};
use gearshift_results::{Results, RowState};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::grid::{Cell, Column, Flush, lay_out, wrapped};
use crate::numbers::{calls, calls_range, count, rate};
use crate::price_plot::price_plot;

const FLEX_MEANS: &str = "flex: the cheapest function and fargate, with shifts between them as \
                          `gearshift plan` decides them; store and logs are the function's";

/// A quote as a table, its break-evens and who is cheapest where; `about` comes after what was
/// asked.
pub fn price_table(quote: &Quote, about: &[String], width: usize) -> String {
    let about = std::iter::once(asked(quote)).chain(about.iter().cloned());
    let mut lines: Vec<String> =
        about.chain([prices(quote)]).flat_map(|line| wrapped(&line, width, "", 4)).collect();
    lines.push(String::new());
    // The bill by kind gives way where there is no room for it.
    let bills = [true, false].map(|kinds| bills(quote, kinds));
    let fits = |bills: &&Vec<String>| bills.iter().all(|line| line.chars().count() <= width);
    lines.extend(bills.iter().find(fits).unwrap_or(&bills[1]).iter().cloned());
    for line in quote.lines.iter() {
        if let Some(gap) = &line.gap {
            lines.extend(wrapped(&format!("{}: {gap}", line.row), width, "", 4));
        }
    }
    for line in quote.lines.iter() {
        if let Some(burst) = &line.burst {
            let (day, most) = (rate(burst.sustained_per_s), rate(burst.per_s));
            let text = format!(
                "{}: a unit is counted with {day}/s, which its credits allow all day; with those it \
                 is launched with it does {most}/s for {:.0} min",
                line.row, burst.minutes
            );
            lines.extend(wrapped(&text, width, "", 4));
        }
        if let Some(beyond) = &line.beyond {
            let text = format!(
                "{}: takes {}/s ({}), the busiest minute has {}/s",
                line.row,
                rate(beyond.ceiling_per_s),
                beyond.set_by,
                rate(quote.peak_per_s)
            );
            lines.extend(wrapped(&text, width, "", 4));
        }
        if line.row == FLEX && line.sums.is_some() {
            lines.extend(wrapped(FLEX_MEANS, width, "", 4));
        }
    }
    lines.push(String::new());
    lines.extend(break_evens(quote, width));
    lines.extend(cheapest(quote, width));
    lines.extend(price_plot(quote, width));
    lines.join("\n") + "\n"
}

fn bills(quote: &Quote, kinds: bool) -> Vec<String> {
    let column = |heading: &str, gap| Column {
        heading: heading.into(),
        flush: Flush::Right,
        gap,
        group: None,
    };
    let mut columns = vec![Column { flush: Flush::Left, ..column("gear", 2) }, column("units", 2)];
    if kinds {
        columns.extend(["front", "compute", "store", "net", "logs"].map(|kind| column(kind, 1)));
    }
    columns.extend(["fixed", "per M", "$/month", "interval"].map(|sum| column(sum, 2)));
    let shown = quote.lines.iter().filter(|line| !line.groups.is_empty());
    let rows: Vec<Vec<Cell>> = shown.map(|line| row(line, kinds)).collect();
    lay_out(&columns, &rows).into_iter().skip(1).collect()
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

fn asked(quote: &Quote) -> String {
    let what_if: String = quote.what_if.iter().map(|what| format!(" · {what}")).collect();
    format!(
        "{} calls a month, {}: mean {:.2}/s, peak {:.2}/s · {} · usage and durations: run {}{what_if} \
         · free tier {}",
        count(quote.calls_per_month.round().to_u64().unwrap_or(u64::MAX)),
        quote.shape,
        quote.per_s,
        quote.peak_per_s,
        quote.region,
        quote.run,
        if quote.free_tier { "on" } else { "off" }
    )
}

fn prices(quote: &Quote) -> String {
    let named = |what: &str, which: &[String]| match which {
        [] => String::new(),
        which => format!("; {what}: {}", which.join(", ")),
    };
    let dates = quote.prices_of.as_ref();
    format!(
        "{} prices used{}{}{}",
        quote.prices_used,
        dates.map_or_else(String::new, |[oldest, newest]| format!(", of {oldest} to {newest}")),
        named("of low confidence (~)", &quote.low_confidence),
        named("stale, could not be fetched anew", &quote.stale)
    )
}

fn row(line: &QuoteLine, kinds: bool) -> Vec<Cell> {
    let mut cells = vec![
        Cell::new(line.row.as_str()),
        Cell::new(line.units.map_or_else(|| "-".to_owned(), |units| units.to_string())),
    ];
    if kinds {
        let usd = |(_, usd): &(_, Option<Decimal>)| Cell::new(usd.map_or(String::new(), cents));
        cells.extend(line.groups.iter().map(usd));
    }
    let Some(sums) = &line.sums else {
        cells.extend(["", "", "no price", ""].map(Cell::new));
        return cells;
    };
    let doubtful = if sums.doubtful { "~" } else { "" };
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
fn break_evens(quote: &Quote, width: usize) -> Vec<String> {
    let names = |units: bool| {
        let lines = quote.lines.iter().filter(move |line| line.sums.is_some());
        let lines = lines.filter(|line| line.row != FLEX);
        lines.filter(move |line| line.units.is_some() == units).map(|line| line.row.as_str())
    };
    let across: Vec<&str> = names(true).collect();
    if names(false).next().is_none() {
        return Vec::new();
    }
    let fit = (width.saturating_sub(26) / 27).max(1);
    across.chunks(fit).flat_map(|across| break_even_table(quote, across, names(false))).collect()
}

fn break_even_table<'a>(
    quote: &Quote,
    across: &[&str],
    rows: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let heading = |text: String, flush| Column { heading: text, flush, gap: 3, group: None };
    let mut columns = vec![heading("break-even, calls/month".to_owned(), Flush::Left)];
    columns.extend(across.iter().map(|row| heading(format!("against {row}"), Flush::Right)));
    let cells = |row: &str| {
        let meets = across.iter().map(|other| Cell::new(meets(quote, row, other)));
        std::iter::once(Cell::new(row)).chain(meets).collect::<Vec<Cell>>()
    };
    let rows: Vec<Vec<Cell>> = rows.map(cells).collect();
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
    let left_out: Vec<&str> = winners.left_out.iter().map(|row| row.name.as_str()).collect();
    let left_out = match left_out.as_slice() {
        [] => String::new(),
        rows => format!("; without a price, and left out: {}", rows.join(", ")),
    };
    let text = format!("{}: {}{left_out}", quote.shape, parts.join(", "));
    wrapped(&text, width, "cheapest    ", 12)
}
