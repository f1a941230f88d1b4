//! What every verb prints the same way.

use anyhow::Result;
use serde::Serialize;

/// One JSON document on standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Columns to fill: the terminal's, at most what the screens are drawn for.
pub fn width() -> usize {
    const DRAWN_FOR: usize = 100;
    let (_, columns) = console::Term::stdout().size();
    usize::from(columns).clamp(60, DRAWN_FOR)
}
