//! What every verb prints the same way.
//!
//! Invariant: whatever a name, a manifest, an image, a server or a log holds, no control character
//! of it reaches the terminal. All text passes [`visible`] at this one exit, so that no caller can
//! forget it; what moves the cursor on purpose is progress alone, which `indicatif` draws.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// Writes to standard output. A reader that has seen enough (`| head`) ends this program quietly.
pub fn print(text: Arguments<'_>) {
    write(visible(&text.to_string()).as_bytes());
}

fn write(bytes: &[u8]) {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            note(format_args!("gearshift: writing to standard output: {error}\n"));
            std::process::exit(1);
        }
        Ok(()) => {}
    }
}

/// Writes to standard error. A terminal that was closed meanwhile takes nothing, which must not keep
/// a program from taking down what it started: `eprintln!` would panic.
pub fn note(text: Arguments<'_>) {
    let text = text.to_string();
    let _ = std::io::stderr().lock().write_all(visible(&text).as_bytes());
}

/// The text with every character that a terminal acts upon, or that reorders what is read, written
/// as Rust writes it, such as `\u{1b}`. Line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |acting| acting.escape_unicode().to_string())
}

/// The text with every character that a terminal acts upon replaced by what `written` makes of it.
fn escaped(text: &str, written: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match acts(character) {
            true => shown.push_str(&written(character)),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), and those by which Unicode reorders a line (the `Bidi_Control`
/// property of Unicode Standard Annex #9) or ends it.
fn acts(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        character => character.is_control(),
    }
}

/// A line on standard output, as `println!` writes it.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// A line on standard error, as `eprintln!` writes it.
#[macro_export]
macro_rules! note {
    ($($text:tt)*) => { $crate::terminal::note(format_args!("{}\n", format_args!($($text)*))) };
}

/// One JSON document on standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print(format_args!("{}\n", json_visible(&serde_json::to_string_pretty(value)?)));
    Ok(())
}

/// A JSON document in which what a terminal acts upon is escaped as JSON escapes it, so that it means
/// the same. Outside of strings JSON has no such characters but line ends and tabs.
pub fn json_visible(document: &str) -> Cow<'_, str> {
    // All of these are in the Basic Multilingual Plane: one escape each.
    escaped(document, |acting| format!("\\u{:04x}", u32::from(acting)))
}

/// Columns to fill: the terminal's, at most what the screens are drawn for, which a file gets too.
pub fn width() -> usize {
    const DRAWN_FOR: usize = 100;
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns);
    columns.map_or(DRAWN_FOR, usize::from).min(DRAWN_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_upon_is_shown_and_the_rest_stays() {
        assert_eq!(visible("a\tb\nü 茶 → ─\n"), "a\tb\nü 茶 → ─\n");
        assert_eq!(visible("\u{1b}]0;owned\u{7}"), "\\u{1b}]0;owned\\u{7}");
        assert_eq!(json_visible("[\"\u{9b}\u{7f}ü\"]\n"), "[\"\\u009b\\u007fü\"]\n");
        assert_eq!(visible("\u{9b}2J\r\u{7f}\u{202e}"), "\\u{9b}2J\\u{d}\\u{7f}\\u{202e}");
    }
}
