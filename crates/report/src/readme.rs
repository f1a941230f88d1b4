//! The results table of a README, generated from a results file.

use gearshift_results::{Results, RowState};

use crate::ReportError;
use crate::markdown::{table, text};
use crate::numbers::{duration, ms, rate, usd};
use crate::rows::{has_figures, in_order, mostly};
use crate::sentences as say;
use crate::table::percentile;

/// Where the table begins.
pub const BEGIN: &str = "<!-- results:begin -->";
/// Where it ends.
pub const END: &str = "<!-- results:end -->";

/// A short Markdown table of the rows that were measured, with the line that says where.
pub fn readme_table(results: &Results) -> String {
    let rows = in_order(results);
    let lines = rows.iter().filter(|row| has_figures(row)).map(|row| {
        let bracket = |shown: Option<String>| match (shown, row.state) {
            (Some(shown), RowState::Ok) => shown,
            (Some(shown), _) => format!("({shown})"),
            (None, _) => String::new(),
        };
        let latency = row.latency.as_ref();
        let split = latency.map(|latency| {
            format!("{} + {}", ms(latency.here_ms.value), ms(latency.declared_ms.value))
        });
        let cold = row
            .cold
            .as_ref()
            .map(|cold| format!("{} {}", duration(cold.p50_ms.value), mostly(cold.declared_share)));
        let ceiling = row.ceiling.as_ref().map(|ceiling| {
            format!("{} {}", rate(ceiling.sustained.per_s.value), text(&ceiling.sustained.set_by))
        });
        let money = row.money.as_ref();
        let state = match row.state {
            RowState::Ok => String::new(),
            state => format!(" ({})", state.word()),
        };
        vec![
            format!("{}{state}<br><sub>{}</sub>", text(&row.row), text(&row.gear)),
            row.code.to_string(),
            bracket(latency.map(|latency| ms(latency.p50_ms.value))),
            bracket(split),
            bracket(latency.map(|latency| percentile(latency.p99_ms))),
            bracket(cold),
            bracket(ceiling),
            bracket(money.and_then(|money| Some(usd(money.month_usd.as_ref()?.value)))),
            bracket(money.and_then(|money| Some(usd(money.million_usd.as_ref()?.value)))),
        ]
    });
    let header = [
        "gear",
        "code",
        "p50, ms",
        "here + declared",
        "p99, ms",
        "cold start",
        "ceiling, req/s",
        "$/month",
        "$ per M calls",
    ];
    let mut out = table(&header, 2, lines.collect());
    for line in [say::where_it_ran(results), say::what_was_run(results)] {
        out += &format!("{}  \n", text(&line.join(" · ")));
    }
    out.trim_end().to_owned() + "\n"
}

/// The README with everything between [`BEGIN`] and [`END`] replaced by this table.
///
/// Refuses a README where either marker is missing or stands twice, or where they are swapped.
pub fn replace_between(readme: &str, table: &str) -> Result<String, ReportError> {
    let begin = only(readme, BEGIN)? + BEGIN.len();
    let end = only(readme, END)?;
    if end < begin {
        return Err(ReportError::WrongOrder { begin: BEGIN, end: END });
    }
    Ok(format!("{}\n{}\n{}", &readme[..begin], table.trim_end(), &readme[end..]))
}

fn only(readme: &str, marker: &'static str) -> Result<usize, ReportError> {
    let mut found = readme.match_indices(marker).map(|(at, _)| at);
    let missing = || ReportError::NoMarker { marker, begin: BEGIN, end: END };
    let first = found.next().ok_or_else(missing)?;
    match found.next() {
        Some(_) => Err(ReportError::TwoMarkers { marker }),
        None => Ok(first),
    }
}
