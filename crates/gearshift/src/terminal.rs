//! What every verb prints the same way.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// Writes to standard output. A reader that has seen enough (`| head`) ends this program quietly.
pub fn print(text: Arguments<'_>) {
    match std::io::stdout().lock().write_fmt(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("gearshift: writing to standard output: {error}");
            std::process::exit(1);
        }
        Ok(()) => {}
    }
}

/// A line on standard output, as `println!` writes it.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// One JSON document on standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print(format_args!("{}\n", serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Columns to fill: the terminal's, at most what the screens are drawn for, which a file gets too.
pub fn width() -> usize {
    const DRAWN_FOR: usize = 100;
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns);
    columns.map_or(DRAWN_FOR, usize::from).min(DRAWN_FOR)
}
