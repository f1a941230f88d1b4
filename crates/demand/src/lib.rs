//! Requests a second over time, read from what people have: counts, access logs, metric exports.
//!
//! Invariants: memory grows with the time a trace covers, never with its length; what could not be
//! read is counted and named, and nothing is guessed in its place.

mod columns;
mod counts;
mod error;
mod format;
mod input;
mod lines;
mod minutes;
mod time;

pub use error::DemandError;
pub use format::Format;
pub use minutes::{Gap, Notes, Trace};

use gearshift_files::ReadError;
use std::io::Read;
use std::path::Path;

/// How a trace is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Taken from the first lines where none.
    pub format: Option<Format>,
    /// Of times that name no zone: UTC where none.
    pub time_zone: Option<jiff::tz::TimeZone>,
}

/// Reads a file, or standard input for `-`; gzip is recognised by its first bytes. `progress` is
/// told how many bytes of the file have been read.
pub fn read(
    path: &Path,
    reading: &Reading,
    progress: impl FnMut(u64) + Send + 'static,
) -> Result<Trace, DemandError> {
    let name = path.display().to_string();
    let source: Box<dyn Read + Send> = if name == "-" {
        Box::new(std::io::stdin())
    } else {
        match gearshift_files::open(path) {
            Ok(file) => Box::new(file),
            Err(ReadError::Unreadable { source, .. }) => {
                return Err(DemandError::of_io(&name, source));
            }
            Err(ReadError::NotAFile { what: "a directory", .. }) => {
                return Err(DemandError::Folder { name });
            }
            Err(other) => return Err(DemandError::NotAFile(other)),
        }
    };
    from_reader(&name, source, reading, progress)
}

/// As [`read`], from anything; `name` is for errors.
pub fn from_reader(
    name: &str,
    source: Box<dyn Read + Send>,
    reading: &Reading,
    progress: impl FnMut(u64) + Send + 'static,
) -> Result<Trace, DemandError> {
    let mut input = input::Input::new(name, source, progress)?;
    let format = match reading.format {
        Some(format) => format,
        None => format::detect(input.first(), name)?,
    };
    let zone = reading.time_zone.clone().unwrap_or(jiff::tz::TimeZone::UTC);
    let trace = match format {
        Format::Counts => counts::csv(name, input, &zone)?,
        Format::CloudWatch => counts::cloudwatch(name, input)?,
        lines => lines::read(name, &mut input, lines, &zone)?,
    };
    match trace.notes.requests > 0.0 {
        true => Ok(trace),
        false => Err(DemandError::NoRequests { name: name.to_owned() }),
    }
}
