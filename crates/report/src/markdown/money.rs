//! Bills line by line, and where the cheapest row changes.

use gearshift_price::BillLine;
use gearshift_results::Results;

use super::{section, table, text};
use crate::numbers::{calls, quantity, usd};
use crate::rows::in_order;
use crate::sentences::{break_even, winner};

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
        let (what, range) = break_even(pair);
        vec![text(&pair.a), text(&pair.b), text(&what), range]
    });
    let header = ["gear", "against", "break-even, calls/month", "interval"];
    out += &table(&header, 3, pairs.collect());
    section("Where the cheapest changes", out)
}
