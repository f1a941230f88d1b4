//! Bills line by line, and where the cheapest row changes.

use gearshift_compare::Results;
use gearshift_price::{BillLine, BreakEven, Side};

use super::{section, table, text};
use crate::numbers::{calls, calls_range, quantity, usd};
use crate::rows::in_order;
use crate::sentences::winner;

/// Each priced row's bill: fixed lines by the month, the others by the million calls.
pub(super) fn bills(results: &Results) -> String {
    let rows = in_order(results);
    let lines = rows
        .iter()
        .filter_map(|row| Some((row, row.money.as_ref()?)))
        .flat_map(|(row, money)| money.bill.lines.iter().map(|line| bill_line(&row.row, line)));
    let header =
        ["gear", "column", "what", "price", "quantity", "unit", "$/month", "$ per M calls"];
    section("Bills", table(&header, 4, lines.collect()))
}

fn bill_line(row: &str, line: &BillLine) -> Vec<String> {
    let amount = match line.usd() {
        Ok(known) => usd(known.value),
        Err(_) => String::new(),
    };
    let price = match (line.price(), line.usd()) {
        (Some(price), _) => format!(
            "{} $ each, {} ({}, confidence {})",
            price.first_usd().normalize(),
            price.source,
            price.effective,
            price.confidence
        ),
        (None, Err(gap)) => gap.text.clone(),
        (None, Ok(_)) => String::new(),
    };
    let per = if line.fixed { "a month" } else { "a call" };
    let (month, million) =
        if line.fixed { (amount, String::new()) } else { (String::new(), amount) };
    vec![
        text(row),
        line.group.to_string(),
        line.dimension.to_string(),
        text(&price),
        quantity(line.quantity),
        format!("{} {per}", line.unit),
        month,
        million,
    ]
}

/// The cheapest row by volume, and the break-even of each pair.
pub(super) fn cheapest(results: &Results) -> String {
    let segments = results.winners.iter().flat_map(|winners| &winners.segments);
    let stretches = segments.map(|segment| {
        vec![
            text(&winner(segment)),
            calls(segment.from_calls_per_month),
            calls(segment.to_calls_per_month),
            format!("{}-{}", segment.units.0, segment.units.1),
        ]
    });
    let mut out = table(&["cheapest", "from, calls/month", "to", "units"], 1, stretches.collect());
    let pairs = results.break_evens.iter().map(|pair| {
        let (what, range) = break_even(&pair.break_even, [&pair.a, &pair.b]);
        vec![text(&pair.a), text(&pair.b), text(&what), range]
    });
    let header = ["gear", "against", "break-even, calls/month", "over the core's range"];
    out += &table(&header, 3, pairs.collect());
    section("Where the cheapest changes", out)
}

fn break_even(found: &BreakEven, names: [&str; 2]) -> (String, String) {
    let name = |side: &Side| match side {
        Side::A => names[0],
        Side::B => names[1],
    };
    let doubt = |holds: &bool| {
        if *holds { String::new() } else { "not so at an end".to_owned() }
    };
    match found {
        BreakEven::At { calls_per_month, per_s, cheaper_below, holds_throughout, .. } => {
            let range = calls_per_month.range.map(|(low, high)| calls_range(low, high));
            let what = format!(
                "{} ({}/s), {} below",
                calls(calls_per_month.value),
                per_s.value.round_dp(1).normalize(),
                name(cheaper_below)
            );
            (what, range.unwrap_or_else(|| doubt(holds_throughout)))
        }
        BreakEven::Always { cheaper, holds_throughout } => {
            (format!("{} at every volume", name(cheaper)), doubt(holds_throughout))
        }
        BreakEven::Equal => ("the same at every volume".to_owned(), String::new()),
        BreakEven::Unknown(gap) => (format!("unknown: {}", gap.text), String::new()),
    }
}
