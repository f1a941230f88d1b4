//! What can be wrong with a trace.

use crate::Format;

/// Why a trace could not be read, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DemandError {
    #[error("{name}: cannot be read ({why}) → name a file, or - for standard input")]
    Unreadable { name: String, why: std::io::Error },
    #[error(
        "{name}: neither counts by time, an access log, JSON lines, an ALB log nor a CloudWatch \
         export; it begins with `{begins}` → say which with --format {formats}"
    )]
    Unknown { name: String, begins: String, formats: &'static str },
    #[error("{name}: empty → name a trace with at least two times")]
    Empty { name: String },
    #[error("{name}, line {line}: {why}: `{text}` → {next}")]
    Line { name: String, line: u64, why: &'static str, text: String, next: &'static str },
    #[error(
        "{name}: none of {lines} lines could be read as {format}; the first, line {line}: {why}: \
         `{text}` → choose another with --format {formats}"
    )]
    NothingRead {
        name: String,
        lines: u64,
        format: Format,
        line: u64,
        why: &'static str,
        text: String,
        formats: &'static str,
    },
    #[error(
        "{name}: runs from {from} to {to}, more than 10 years; one of its times is wrong → \
         correct or remove it"
    )]
    TooLong { name: String, from: String, to: String },
    #[error("{name}: one point in time only ({at}) → a trace needs at least two")]
    OnePoint { name: String, at: String },
    #[error(
        "{name}: is not a CloudWatch export ({why}) → aws cloudwatch get-metric-statistics or get-metric-data writes one"
    )]
    CloudWatch { name: String, why: String },
}

/// The first 60 characters of a line, printable.
pub(crate) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(240)]).into_owned();
    let text: String =
        text.chars().take(60).map(|c| if c.is_control() { '·' } else { c }).collect();
    text.trim_end().to_owned()
}
