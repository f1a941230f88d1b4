//! What a year of shifting would have saved, in words and as a table.

use gearshift_results::{Results, Shifting};
use serde::Serialize;

use crate::markdown::{table, text};
use crate::numbers::{calls, percent, usd};

const HEADINGS: [&str; 7] = [
    "calls a month",
    "function, $/month",
    "tasks, $/month",
    "flex, $/month",
    "on functions",
    "shifts a day",
    "a year saves, $",
];

/// A page's section.
#[derive(Serialize)]
pub(crate) struct Year {
    lead: String,
    headings: [&'static str; 7],
    lines: Vec<[String; 7]>,
    foot: String,
}

/// The section; none where the run has no two gears to shift between.
pub(crate) fn year(results: &Results) -> Option<Year> {
    let shifting = results.shifting.as_ref().filter(|shifting| !shifting.volumes.is_empty())?;
    let lines = shifting.volumes.iter().map(|volume| {
        let refused = match volume.tasks.refused {
            0.0 => String::new(),
            share => format!(" ({} refused)", percent(share)),
        };
        [
            calls(volume.calls_per_month),
            usd(volume.function.billed.usd),
            usd(volume.tasks.billed.usd) + &refused,
            usd(volume.flex.billed.usd),
            percent(volume.at_function),
            format!("{:.1}", volume.flex.shifts_per_day),
            usd(volume.saved_per_year()),
        ]
    });
    Some(Year {
        lead: lead(shifting),
        headings: HEADINGS,
        lines: lines.collect(),
        foot: foot(shifting),
    })
}

/// One sentence for the terminal.
pub(crate) fn sentence(results: &Results) -> Option<String> {
    let shifting = results.shifting.as_ref().filter(|shifting| !shifting.volumes.is_empty())?;
    let saved = shifting.volumes.iter().map(|volume| {
        format!("${} at {}", usd(volume.saved_per_year()), calls(volume.calls_per_month))
    });
    let saved = saved.collect::<Vec<_>>().join(", ");
    Some(format!(
        "a year of {} between {} and {} saves {saved} calls a month",
        shifting.shape, shifting.low, shifting.high
    ))
}

/// The section of `report.md`.
pub(crate) fn section(results: &Results) -> String {
    let Some(year) = year(results) else { return String::new() };
    let lines = year.lines.iter().map(|line| line.iter().map(|cell| text(cell)).collect());
    let table = table(&HEADINGS, 0, lines.collect());
    format!("## A year of shifting\n\n{}\n\n{table}{}\n\n", text(&year.lead), text(&year.foot))
}

fn lead(shifting: &Shifting) -> String {
    let best = shifting.volumes.iter().max_by_key(|volume| volume.saved_per_year());
    let (shape, low, high) = (&shifting.shape, &shifting.low, &shifting.high);
    match best.filter(|best| best.saved_per_year() > rust_decimal::Decimal::ONE) {
        Some(best) => format!(
            "A year of traffic by {shape}, {} calls a month: shifting between {low} and {high} would have saved ${}, of the ${} of the cheaper gear alone.",
            calls(best.calls_per_month),
            usd(best.saved_per_year()),
            usd(best.single() * rust_decimal::Decimal::from(12)),
        ),
        None => format!(
            "A year of traffic by {shape}: shifting between {low} and {high} would have saved nothing at any of these volumes."
        ),
    }
}

fn foot(shifting: &Shifting) -> String {
    format!(
        "{} days replayed minute by minute, and taken for the year. Tasks alone follow AWS's target tracking; busy tasks of flex hand requests to the function. Stores, logs and transfer cost the same in both gears and are left out. From {}. Other traffic: gearshift plan TRACE.",
        shifting.days, shifting.source
    )
}
