//! Which kind of trace something is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DemandError;
use crate::columns::names_times;
use crate::error::shown;
use crate::{lines, time};

/// A kind of trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// CSV with a column of times and one of counts.
    Counts,
    /// An access log in the common or the combined format.
    Access,
    /// One JSON object a request, with a field of its time.
    JsonLines,
    /// An access log of an AWS application load balancer.
    Alb,
    /// What `aws cloudwatch get-metric-statistics` or `get-metric-data` writes.
    CloudWatch,
}

impl Format {
    /// All, as they are named on the command line.
    pub const NAMES: &'static str = "counts|access|json-lines|alb|cloudwatch";

    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "counts" => Self::Counts,
            "access" => Self::Access,
            "json-lines" => Self::JsonLines,
            "alb" => Self::Alb,
            "cloudwatch" => Self::CloudWatch,
            _ => return None,
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counts => "counts by time",
            Self::Access => "an access log",
            Self::JsonLines => "JSON lines",
            Self::Alb => "an ALB log",
            Self::CloudWatch => "a CloudWatch export",
        })
    }
}

/// By the first lines; the last of `first` may be cut.
pub(crate) fn detect(first: &[u8], name: &str) -> Result<Format, DemandError> {
    let begin = first.trim_ascii_start();
    if begin.is_empty() {
        return Err(DemandError::Empty { name: name.to_owned() });
    }
    let head: Vec<&[u8]> = begin.split(|byte| *byte == b'\n').take(20).collect();
    if begin[0] == b'{' {
        // A log may hold such words too, but not begin with them.
        const FIRST: [&[u8]; 5] =
            [b"Datapoints", b"Label", b"MetricDataResults", b"Messages", b"NextToken"];
        let has = |word: &[u8]| memchr::memmem::find(begin, word).is_some();
        let key = begin[1..].trim_ascii_start().split(|byte| *byte == b'"').nth(1);
        let export = key.is_some_and(|key| FIRST.contains(&key))
            && (has(b"\"Datapoints\"") || has(b"\"MetricDataResults\""));
        return Ok(if export { Format::CloudWatch } else { Format::JsonLines });
    }
    let zone = jiff::tz::TimeZone::UTC;
    let any = |format| head.iter().any(|line| lines::second(line, format, &zone).is_ok());
    if any(Format::Access) {
        return Ok(Format::Access);
    }
    if any(Format::Alb) {
        return Ok(Format::Alb);
    }
    let is_count = |line: &&[u8]| {
        let mut cells = line.split(|byte| *byte == b',');
        cells.any(|cell| time::parse(&String::from_utf8_lossy(cell), &zone).is_some())
    };
    if head.iter().any(|line| line.contains(&b',') && is_count(line)) {
        return Ok(Format::Counts);
    }
    // A header alone.
    let rows = head.iter().filter(|line| !line.trim_ascii().is_empty()).count();
    if rows == 1 && names_times(&String::from_utf8_lossy(head[0])) {
        return Ok(Format::Counts);
    }
    let (begins, formats) = (shown(head[0]), Format::NAMES);
    Err(DemandError::Unknown { name: name.to_owned(), begins, formats })
}
