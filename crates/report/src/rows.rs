//! The order in which rows are shown.

use gearshift_results::{Results, RowResult, RowState};

/// Measured rows by p50, then rows that failed before one could be measured, then skipped ones.
pub(crate) fn in_order(results: &Results) -> Vec<&RowResult> {
    let mut rows: Vec<&RowResult> = results.rows.iter().collect();
    rows.sort_by(|a, b| rank(a).cmp(&rank(b)).then(p50(a).total_cmp(&p50(b))));
    rows
}

fn rank(row: &RowResult) -> u8 {
    match row.state {
        RowState::Skipped => 2,
        _ if has_figures(row) => 0,
        _ => 1,
    }
}

fn p50(row: &RowResult) -> f64 {
    row.latency.as_ref().map_or(f64::INFINITY, |latency| latency.p50_ms.value)
}

/// True where there is anything to show in the columns.
pub(crate) fn has_figures(row: &RowResult) -> bool {
    row.state != RowState::Skipped && (row.latency.is_some() || row.cold.is_some())
}

/// Why a row is not ok, as `INVALID: the reason`, and what of it could not be measured; none for ok
/// rows that lack nothing.
pub(crate) fn why(row: &RowResult) -> Option<String> {
    let word = row.state.word();
    let state = match (&row.reason, row.state) {
        (_, RowState::Ok) => None,
        (Some(reason), _) => Some(format!("{word}: {reason}")),
        (None, _) => Some(word.to_owned()),
    };
    let said: Vec<String> = state.into_iter().chain(gaps(row)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// What could not be measured on the row's target, each with its reason.
pub(crate) fn gaps(row: &RowResult) -> Option<String> {
    (!row.gaps.is_empty()).then(|| format!("not measured here: {}", row.gaps.join("; ")))
}

/// `d` where laws make at least half of a cold start, else `m`.
pub(crate) fn mostly(declared_share: f64) -> char {
    if declared_share >= 0.5 { 'd' } else { 'm' }
}

/// The same in words.
pub(crate) fn mostly_word(declared_share: f64) -> &'static str {
    if mostly(declared_share) == 'd' { "mostly declared" } else { "mostly measured" }
}
