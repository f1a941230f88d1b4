//! Why the cheapest row is the cheapest, and what a row's month is made of, in words.

use std::collections::BTreeMap;

use gearshift_results::{Results, RowResult, RowState};
use rust_decimal::Decimal;

use crate::numbers::usd;

/// Rows that cost as much as the winner within this share: measured, they are level with it.
const LEVEL: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// Parts of a month below this are not worth a word, US dollars.
const SMALL: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Standing cost and cost per call of each row that is cheapest somewhere, and who is level with
/// it; none where nothing could be priced.
pub(crate) fn why(results: &Results) -> Option<String> {
    let segments = results.winners.iter().flat_map(|winners| &winners.segments);
    let mut names: Vec<&str> = Vec::new();
    for segment in segments {
        if !names.contains(&segment.winner.as_str()) {
            names.push(&segment.winner);
        }
    }
    let sentences: Vec<String> = names.iter().filter_map(|name| sentence(results, name)).collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

fn sentence(results: &Results, name: &str) -> Option<String> {
    let (month, million) = cost(results.rows.iter().find(|row| row.row == name)?)?;
    let close = |a: Decimal, b: Decimal| (a - b).abs() <= LEVEL * a.max(b).max(SMALL);
    let level = results.rows.iter().filter(|row| row.row != name && row.state == RowState::Ok);
    let level = level.filter(|row| {
        cost(row).is_some_and(|(other, per)| close(month, other) && close(million, per))
    });
    let level: Vec<&str> = level.map(|row| row.row.as_str()).collect();
    let level = match level.as_slice() {
        [] => String::new(),
        some => format!(" (level with it, within 1 %: {})", some.join(", ")),
    };
    let standing = match month.is_zero() {
        true => "costs nothing that stands".to_owned(),
        false => format!("stands for {} a month", usd(month)),
    };
    Some(format!("{name} {standing} and {} per million calls{level}", usd(million)))
}

fn cost(row: &RowResult) -> Option<(Decimal, Decimal)> {
    let money = row.money.as_ref()?;
    Some((money.month_usd.as_ref()?.value, money.million_usd.as_ref()?.value))
}

/// Of each row that costs something without a call, what that is made of; rows of one making share
/// a line.
pub(crate) fn months(results: &Results) -> Vec<String> {
    let mut made: Vec<(String, Vec<&str>)> = Vec::new();
    for row in results.rows.iter().filter(|row| row.state != RowState::Skipped) {
        let Some(text) = month(row) else { continue };
        match made.iter_mut().find(|(other, _)| *other == text) {
            Some((_, rows)) => rows.push(&row.row),
            None => made.push((text, vec![&row.row])),
        }
    }
    made.into_iter().map(|(text, rows)| format!("{}: {text}", rows.join(", "))).collect()
}

fn month(row: &RowResult) -> Option<String> {
    let money = row.money.as_ref()?;
    let total = money.month_usd.as_ref()?.value;
    let mut parts = BTreeMap::<String, Decimal>::new();
    for line in money.bill.lines.iter().filter(|line| line.fixed) {
        *parts.entry(line.dimension.to_string()).or_default() += line.usd().ok()?.value;
    }
    let mut parts: Vec<_> = parts.into_iter().filter(|(_, usd)| *usd >= SMALL).collect();
    parts.sort_by_key(|(_, amount)| std::cmp::Reverse(*amount));
    let parts: Vec<String> =
        parts.into_iter().map(|(what, amount)| format!("{what} {}", usd(amount))).collect();
    (!parts.is_empty()).then(|| format!("{} = {}", usd(total), parts.join(" + ")))
}
