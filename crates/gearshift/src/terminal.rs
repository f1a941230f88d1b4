//! What every verb prints the same way.

use anyhow::Result;
use serde::Serialize;

/// One JSON document on standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
