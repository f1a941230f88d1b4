//! Which columns of a CSV hold the times and the counts.

use jiff::tz::TimeZone;

use crate::time;

/// Words of a column's name that say it holds times, the surest first.
const TIMES: [&str; 17] = [
    "timestamp",
    "time",
    "datetime",
    "date",
    "unix",
    "epoch",
    "ts",
    "t",
    "when",
    "minute",
    "hour",
    "day",
    "start",
    "begin",
    "from",
    "period",
    "bucket",
];

/// The same of counts.
const COUNTS: [&str; 16] = [
    "requests",
    "request",
    "reqs",
    "requestcount",
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

/// Beside a word for counts they say that something else was counted or measured.
const OTHERS: [&str; 25] = [
    "ms", "us", "ns", "seconds", "time", "latency", "duration", "bytes", "size", "errors", "error",
    "failed", "rejected", "dropped", "4xx", "5xx", "avg", "average", "mean", "min", "max", "p50",
    "p95", "p99", "id",
];

const RATES: [&str; 5] = ["rps", "qps", "tps", "rate", "per"];

/// Of numbers that are too small to be seconds since 1970.
const UNITS: [&str; 9] =
    ["minute", "minutes", "hour", "hours", "day", "days", "ms", "millis", "milliseconds"];

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
    /// These are not taken.
    Open { which: Vec<usize>, why: &'static str, next: &'static str },
}

/// The columns of a row with or without a header above it: those that the header names, else the only
/// ones that they can be.
pub(crate) fn columns_of(
    header: Option<&[String]>,
    row: &[String],
    zone: &TimeZone,
) -> Result<Columns, NoColumns> {
    let columns = |fits: &dyn Fn(usize) -> bool| (0..row.len()).filter(|at| fits(*at)).collect();
    let is_number = |at: usize| row[at].trim().parse::<f64>().is_ok_and(f64::is_finite);
    let times: Vec<usize> = columns(&|at| time::parse(&row[at], zone).is_some());
    let sure: Vec<usize> = columns(&|at| time::is_sure(&row[at], zone));
    let numbers: Vec<usize> = columns(&is_number);
    if times.is_empty() {
        return Err(NoColumns::NotARow);
    }
    let names = Names(header.unwrap_or_default());
    let counts = |time: Option<usize>| {
        // A cell left empty does not make a column less than it is named.
        let fits = columns(&|at| Some(at) != time && (is_number(at) || is_blank(&row[at])));
        names.find(&COUNTS, fits, &OTHERS)
    };
    let time = match names.find(&TIMES, sure.clone(), &[]).first() {
        Some(time) => *time,
        None => match (names.find(&TIMES, times, &[]).first(), sure.as_slice()) {
            (Some(time), _) | (None, [time]) => *time,
            (None, []) => match (counts(None).as_slice(), numbers.as_slice()) {
                ([count], [one, other]) if count == one => *other,
                ([count], [one, other]) if count == other => *one,
                _ => return Err(open_times(numbers)),
            },
            (None, _) => return Err(open_times(sure)),
        },
    };
    names.check_time(time, row, &sure)?;
    let mut counts = counts(Some(time));
    if counts.is_empty() {
        counts = numbers.into_iter().filter(|at| *at != time).collect();
    }
    match counts.as_slice() {
        [] => Err(NoColumns::NotARow),
        [rate] if names.has(*rate, &RATES) => Err(NoColumns::Open {
            which: counts,
            why: "is a rate",
            next: "write the requests of each row and name the column requests",
        }),
        [count] => Ok(Columns { time, count: *count }),
        _ => Err(NoColumns::Open {
            which: counts,
            why: "may each be the counts",
            next: "name one of them requests, or leave no other numbers beside the times",
        }),
    }
}

fn open_times(which: Vec<usize>) -> NoColumns {
    let next = "name the column of times in a header: timestamp,requests";
    NoColumns::Open { which, why: "may each be the times", next }
}

/// Whether a header's cells name a column of times.
pub(crate) fn names_times(header: &str) -> bool {
    header.split(',').any(|name| TIMES.iter().any(|word| words(name).any(|part| part == *word)))
}

fn is_blank(cell: &str) -> bool {
    ["", "-", "nan", "null", "na", "n/a"].contains(&cell.trim().to_lowercase().as_str())
}

fn words(name: &str) -> impl Iterator<Item = String> {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// A header; none has no names.
struct Names<'a>(&'a [String]);

impl Names<'_> {
    fn has(&self, at: usize, any: &[&str]) -> bool {
        self.0.get(at).is_some_and(|name| words(name).any(|word| any.contains(&word.as_str())))
    }

    /// The columns with the first of the words for a name, else of those with it and none of `but` in
    /// their names.
    fn find(&self, known: &[&str], columns: Vec<usize>, but: &[&str]) -> Vec<usize> {
        let is = |at: usize, word: &str| self.0.get(at).is_some_and(|name| words(name).eq([word]));
        for word in known {
            if let Some(at) = columns.iter().find(|at| is(**at, word)) {
                return vec![*at];
            }
        }
        let named = |word: &&str| -> Vec<usize> {
            let named = columns.iter().filter(|at| self.has(**at, &[word]) && !self.has(**at, but));
            named.copied().collect()
        };
        known.iter().map(named).find(|named| !named.is_empty()).unwrap_or_default()
    }

    fn check_time(&self, at: usize, row: &[String], sure: &[usize]) -> Result<(), NoColumns> {
        if !sure.contains(&at) && self.has(at, &UNITS) {
            return Err(NoColumns::Open {
                which: vec![at],
                why: "holds neither seconds nor dates",
                next: "write seconds and name the column time",
            });
        }
        let of_day = |at: &usize| row[*at].trim().parse::<jiff::civil::Time>().is_ok();
        let is_date = row[at].trim().parse::<f64>().is_err() && !row[at].contains(':');
        match (0..row.len()).filter(|at| row[*at].contains(':')).find(of_day) {
            Some(time) if is_date => Err(NoColumns::Open {
                which: vec![at, time],
                why: "hold a date and a time of day apart",
                next: "write them into one column: 2026-01-01 00:00:00",
            }),
            _ => Ok(()),
        }
    }
}
