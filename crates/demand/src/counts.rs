//! Counts by time: CSV, and what CloudWatch writes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::DemandError;
use crate::columns::{Columns, NoColumns, columns_of};
use crate::error::shown;
use crate::input::Input;
use crate::minutes::{Gap, Minutes, Notes, Trace};
use crate::time::Clock;

/// A CSV of times and counts, with or without a header; [`columns_of`] says which columns are read.
pub(crate) fn csv(name: &str, input: Input, zone: &TimeZone) -> Result<Trace, DemandError> {
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .from_reader(input);
    let mut series = Series::default();
    let mut clock = Clock::new(zone);
    let mut columns: Option<Columns> = None;
    let mut header: Option<Vec<String>> = None;
    let mut row = csv::ByteRecord::new();
    while rows.read_byte_record(&mut row).map_err(|why| unreadable(name, why))? {
        let line = row.position().map_or(0, csv::Position::line);
        let at = match columns {
            Some(columns) => columns,
            None => match columns_of(header.as_deref(), &cells(&row), zone) {
                Ok(found) => *columns.insert(found),
                Err(NoColumns::NotARow) if header.is_none() => {
                    header = Some(cells(&row));
                    continue;
                }
                Err(NoColumns::NotARow) => return Err(bad(name, line, "no time and count", &row)),
                Err(NoColumns::Open { which, why, next }) => {
                    let called = |at: &usize| match header.as_ref().and_then(|names| names.get(*at))
                    {
                        Some(called) => called.trim().to_owned(),
                        None => format!("column {}", at + 1),
                    };
                    let columns = which.iter().map(called).collect::<Vec<_>>().join(", ");
                    return Err(DemandError::Columns { name: name.to_owned(), columns, why, next });
                }
            },
        };
        let cell = |at: usize| row.get(at).map(String::from_utf8_lossy);
        let time = cell(at.time).and_then(|cell| clock.second(&cell));
        let count =
            cell(at.count).and_then(|cell| cell.trim().trim_matches('"').parse::<f64>().ok());
        match (time, count) {
            (Some(time), Some(count)) if count >= 0.0 && count.is_finite() => {
                series.point(time, count);
            }
            (Some(_), Some(_)) => return Err(bad(name, line, "a count below zero", &row)),
            _ => series.unread(line, &row),
        }
    }
    if columns.is_none() && header.is_some() {
        return Err(DemandError::NoRows { name: name.to_owned() });
    }
    series.finish(name)
}

fn cells(row: &csv::ByteRecord) -> Vec<String> {
    row.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

fn unreadable(name: &str, why: csv::Error) -> DemandError {
    match why.into_kind() {
        csv::ErrorKind::Io(why) => DemandError::of_io(name, why),
        why => DemandError::of_io(name, std::io::Error::other(format!("{why:?}"))),
    }
}

fn bad(name: &str, line: u64, why: &'static str, row: &csv::ByteRecord) -> DemandError {
    let next =
        "correct the row, or choose another with --format counts|access|json-lines|alb|cloudwatch";
    DemandError::Line { name: name.to_owned(), line, why, text: shown(&joined(row)), next }
}

fn joined(row: &csv::ByteRecord) -> Vec<u8> {
    row.iter().collect::<Vec<_>>().join(&b","[..])
}

/// What `get-metric-statistics` or `get-metric-data` writes; sums are counted.
pub(crate) fn cloudwatch(name: &str, input: Input) -> Result<Trace, DemandError> {
    let wrong = |why: String| DemandError::CloudWatch { name: name.to_owned(), why };
    let export: Export =
        serde_json::from_reader(std::io::BufReader::new(input)).map_err(|error| {
            match error.is_io() {
                true => DemandError::of_io(name, error.into()),
                false => wrong(error.to_string()),
            }
        })?;
    let mut points: Vec<(Timestamp, f64)> = Vec::new();
    for point in export.datapoints {
        let count = point.sum.or(point.sample_count);
        let no_sum = || wrong("a data point has no Sum: ask for --statistics Sum".to_owned());
        points.push((point.timestamp, count.ok_or_else(no_sum)?));
    }
    let metrics: BTreeSet<&str> =
        export.metric_data_results.iter().map(|result| result.name()).collect();
    if metrics.len() > 1 {
        let metrics = metrics.into_iter().collect::<Vec<_>>().join(", ");
        return Err(DemandError::Metrics { name: name.to_owned(), metrics });
    }
    for result in export.metric_data_results {
        points.extend(result.timestamps.into_iter().zip(result.values));
    }
    if points.iter().any(|(_, count)| !count.is_finite() || *count < 0.0) {
        return Err(wrong("a sum below zero".to_owned()));
    }
    // Both commands write them in any order.
    points.sort_by_key(|(at, _)| *at);
    let mut series = Series::default();
    for (at, count) in points {
        series.point(at.as_second(), count);
    }
    series.finish(name)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Export {
    #[serde(default)]
    datapoints: Vec<Point>,
    #[serde(default)]
    metric_data_results: Vec<MetricData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Point {
    timestamp: Timestamp,
    sum: Option<f64>,
    sample_count: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricData {
    #[serde(default)]
    id: String,
    #[serde(default)]
    label: String,
    timestamps: Vec<Timestamp>,
    values: Vec<f64>,
}

impl MetricData {
    fn name(&self) -> &str {
        if self.id.is_empty() { &self.label } else { &self.id }
    }
}

/// Counts at points in time, of bins whose length is the commonest step.
#[derive(Default)]
struct Series {
    points: BTreeMap<i64, f64>,
    latest_s: Option<i64>,
    notes: Notes,
}

impl Series {
    fn point(&mut self, at_s: i64, count: f64) {
        if self.latest_s.is_some_and(|latest| at_s < latest) {
            self.notes.disorder += 1;
        }
        self.latest_s = self.latest_s.max(Some(at_s));
        match self.points.entry(at_s) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(count);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                self.notes.duplicates += 1;
                if *entry.get() != count {
                    *entry.get_mut() += count;
                }
            }
        }
    }

    fn unread(&mut self, line: u64, row: &csv::ByteRecord) {
        self.notes.unread += 1;
        self.notes.first_unread.get_or_insert_with(|| {
            format!("line {line}: no time and count: `{}`", shown(&joined(row)))
        });
    }

    fn finish(mut self, name: &str) -> Result<Trace, DemandError> {
        let times: Vec<i64> = self.points.keys().copied().collect();
        if times.is_empty() {
            return Err(DemandError::Empty { name: name.to_owned() });
        }
        let mut steps = BTreeMap::<i64, usize>::new();
        for pair in times.windows(2) {
            *steps.entry(pair[1] - pair[0]).or_default() += 1;
        }
        // The commonest; of those the shortest.
        let commonest = steps.iter().max_by_key(|(step, many)| (**many, std::cmp::Reverse(**step)));
        let Some((&bin_s, _)) = commonest else {
            let at = Timestamp::from_second(times[0]).map_or("?".to_owned(), |at| at.to_string());
            return Err(DemandError::OnePoint { name: name.to_owned(), at });
        };
        let (first, last) = (times[0], times[times.len() - 1]);
        let span = last - first;
        // Minutes begin where the counts do, so that the first is whole.
        let offset = first.rem_euclid(60);
        let mut minutes = Minutes::default();
        if span <= 10 * 366 * 86_400 {
            for (at, count) in &self.points {
                minutes.bin(*at - offset, bin_s, *count);
            }
        } else {
            minutes.bin(first, 1, 0.0);
            minutes.bin(last, 1, 0.0);
        }
        for pair in times.windows(2) {
            let missing = pair[1] - pair[0] - bin_s;
            if missing >= bin_s {
                self.notes.gap(Gap { from_s: pair[0] + bin_s, length_s: missing });
            }
        }
        let mut trace = minutes.finish(name, bin_s)?;
        self.notes.requests = trace.notes.requests;
        trace.notes = self.notes;
        trace.begins_s += offset;
        // A last minute that is not whole would look quiet.
        if (last + bin_s - first) % 60 != 0 && trace.per_s.len() > 2 {
            trace.per_s.pop();
        }
        Ok(trace)
    }
}
