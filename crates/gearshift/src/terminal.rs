//! What every verb prints the same way.

use anyhow::Result;
use serde::Serialize;

/// One JSON document on standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Columns to fill: the terminal's, at most what the screens are drawn for, which a file gets too.
pub fn width() -> usize {
    const DRAWN_FOR: usize = 100;
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns);
    columns.map_or(DRAWN_FOR, usize::from).min(DRAWN_FOR)
}
