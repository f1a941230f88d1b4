//! Memory of each row, idle and at its peak, against what its gear allows.

use gearshift_results::{MemoryUse, Results, RowState};
use serde::Serialize;

use super::axis::tenth;
use crate::numbers::count;
use crate::rows::in_order;

/// A bar's whole width in its own coordinates; it stands for the limit.
const WIDTH: f64 = 1000.0;

#[derive(Serialize)]
pub(super) struct Footprint {
    name: String,
    doubtful: bool,
    idle: String,
    peak: String,
    /// Empty where nothing limits it.
    limit: String,
    idle_width: f64,
    peak_width: f64,
    words: String,
}

/// A bar for each row whose memory was counted.
pub(super) fn footprints(results: &Results) -> Vec<Footprint> {
    let rows = in_order(results);
    let bars = rows.iter().filter_map(|row| {
        let bar = footprint(row.footprint.as_ref()?);
        Some(Footprint { name: row.row.clone(), doubtful: row.state != RowState::Ok, ..bar })
    });
    bars.collect()
}

fn footprint(used: &MemoryUse) -> Footprint {
    let (idle, peak) = (used.idle_mb.value, used.peak_mb.value);
    let share = |mb: f64| used.limit_mb.filter(|limit| *limit > 0.0).map(|limit| mb / limit);
    let width = |mb: f64| tenth(share(mb).unwrap_or(0.0).clamp(0.0, 1.0) * WIDTH);
    let limit = used.limit_mb.map(|limit| count(limit as u64)).unwrap_or_default();
    let of = if limit.is_empty() { "no limit here".to_owned() } else { format!("of {limit} MB") };
    Footprint {
        name: String::new(),
        doubtful: false,
        words: format!("idle {} MB, peak {} MB, {of}", mb(idle), mb(peak)),
        idle: mb(idle),
        peak: mb(peak),
        idle_width: width(idle),
        peak_width: width(peak),
        limit,
    }
}

/// MB: `3.4`, `61`, `1,024`.
fn mb(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { count(value.round() as u64) }
}
