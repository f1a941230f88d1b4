//! Which columns of a CSV hold the times and the counts.

use jiff::tz::TimeZone;

use crate::time;

/// Words of a column's name that say it holds times, the surest first.
const TIMES: [&str; 14] = [
    "timestamp",
    "time",
    "datetime",
    "date",
    "unix",
    "epoch",
    "ts",
    "when",
    "minute",
    "hour",
    "day",
    "start",
    "period",
    "bucket",
];

/// The same of counts.
const COUNTS: [&str; 15] = [
    "requests",
    "request",
    "reqs",
    "count",
    "counts",
    "hits",
    "calls",
    "invocations",
    "visits",
    "events",
    "n",
    "total",
    "sum",
    "samples",
    "value",
];

/// Columns by their place in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Columns {
    pub time: usize,
    pub count: usize,
}

/// Why there are none.
pub(crate) enum NoColumns {
    /// No row of times and counts: a header, perhaps.
    NotARow,
    /// These may all be the counts.
    Several(Vec<usize>),
}

/// The columns of a row with or without a header above it. A name decides; without one what looks
/// like a time is the time, and the only other number the count.
pub(crate) fn columns_of(
    header: Option<&[String]>,
    row: &[String],
    zone: &TimeZone,
) -> Result<Columns, NoColumns> {
    let named = |words: &[&str], fits: &dyn Fn(usize) -> bool| {
        let header = header?;
        words.iter().find_map(|word| {
            let mut columns = (0..row.len().min(header.len())).filter(|at| fits(*at));
            columns.find(|at| has_word(&header[*at], word))
        })
    };
    let is_time = |at: usize| time::parse(&row[at], zone).is_some();
    let looks_like_time = |at: usize| time::is_sure(&row[at], zone);
    let time = named(&TIMES, &is_time)
        .or_else(|| (0..row.len()).find(|at| looks_like_time(*at)))
        .or_else(|| (0..row.len()).find(|at| is_time(*at)))
        .ok_or(NoColumns::NotARow)?;
    let is_count =
        |at: usize| at != time && row[at].trim().parse::<f64>().is_ok_and(f64::is_finite);
    if let Some(count) = named(&COUNTS, &is_count) {
        return Ok(Columns { time, count });
    }
    let numbers: Vec<usize> = (0..row.len()).filter(|at| is_count(*at)).collect();
    match numbers.as_slice() {
        [] => Err(NoColumns::NotARow),
        [count] => Ok(Columns { time, count: *count }),
        _ => Err(NoColumns::Several(numbers)),
    }
}

/// Whether a header's cells name a column of times.
pub(crate) fn names_times(header: &str) -> bool {
    header.split(',').any(|name| TIMES.iter().any(|word| has_word(name, word)))
}

fn has_word(name: &str, word: &str) -> bool {
    let name = name.to_lowercase();
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| part == word)
}
