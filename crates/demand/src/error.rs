//! What can be wrong with a trace.

use gearshift_files::ReadError;

use crate::Format;

/// Why a trace could not be read, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DemandError {
    #[error("{name}: cannot be read ({why}) → name a file, or - for standard input")]
    Unreadable { name: String, why: std::io::Error },
    /// A pipe or a device.
    #[error("{0}, or pipe it in: … | gearshift plan -")]
    NotAFile(ReadError),
    #[error("{name}: a folder → name a file in it")]
    Folder { name: String },
    #[error(
        "{name}: its gzip data end early or are damaged ({why}) → copy it again, or plan for what \
         is there: gzip -dc {name} | gearshift plan -"
    )]
    Gzip { name: String, why: std::io::Error },
    #[error("{name}: {columns} {why} → {next}")]
    Columns { name: String, columns: String, why: &'static str, next: &'static str },
    #[error("{name}: a header and no row below it → export the rows too")]
    NoRows { name: String },
    #[error("{name}: no request in it → name a trace with traffic")]
    NoRequests { name: String },
    #[error(
        "{name}: more than one metric ({metrics}) → export one, with the statistic Sum, or take one \
         out: jq '.MetricDataResults |= map(select(.Id == \"ID\"))'"
    )]
    Metrics { name: String, metrics: String },
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
        "{name}: {} as {format}; the first, line {line}: {why}: `{text}` → choose another with \
         --format {formats}",
        match lines {
            1 => "its line could not be read".to_owned(),
            _ => format!("none of {lines} lines could be read"),
        }
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

impl DemandError {
    pub(crate) fn of_io(name: &str, why: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let name = name.to_owned();
        match why.kind() {
            Kind::IsADirectory => Self::Folder { name },
            // Of these kinds are the decoder's errors and no file's.
            Kind::UnexpectedEof | Kind::InvalidInput | Kind::InvalidData => {
                Self::Gzip { name, why }
            }
            _ => Self::Unreadable { name, why },
        }
    }
}

/// The first 60 characters of a line, printable.
pub(crate) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(240)]).into_owned();
    let text: String =
        text.chars().take(60).map(|c| if c.is_control() { '·' } else { c }).collect();
    text.trim_end().to_owned()
}
