//! Logs: one line, one request.

use jiff::tz::TimeZone;
use memchr::{memchr, memchr_iter};
use serde::Deserialize;
use serde_json::Value;

use crate::error::shown;
use crate::input::Input;
use crate::minutes::{Minutes, Trace};
use crate::{DemandError, Format, time};

/// A line that is longer is no request.
const LONGEST: usize = 1 << 20;

/// Counts the lines of a log by minute.
pub(crate) fn read(
    name: &str,
    input: &mut Input,
    format: Format,
    zone: &TimeZone,
) -> Result<Trace, DemandError> {
    let mut log = Log {
        format,
        zone,
        minutes: Minutes::default(),
        seen: Vec::new(),
        seen_at: 0,
        line: 0,
        bad: None,
    };
    let mut rest: Vec<u8> = Vec::new();
    while let Some(block) = input.block()? {
        let mut from = 0;
        for end in memchr_iter(b'\n', &block) {
            if rest.is_empty() {
                log.line(&block[from..end]);
            } else {
                rest.extend_from_slice(&block[from..end]);
                log.line(&rest);
                rest.clear();
            }
            from = end + 1;
        }
        if rest.len() < LONGEST {
            rest.extend_from_slice(&block[from..]);
        }
    }
    if !rest.is_empty() {
        log.line(&rest);
    }
    log.finish(name)
}

struct Log<'a> {
    format: Format,
    zone: &'a TimeZone,
    minutes: Minutes,
    /// The last time as it was written, and what it is: most lines repeat it.
    seen: Vec<u8>,
    seen_at: i64,
    line: u64,
    bad: Option<(u64, &'static str, String)>,
}

impl Log<'_> {
    fn line(&mut self, line: &[u8]) {
        self.line += 1;
        if line.trim_ascii().is_empty() {
            return;
        }
        let at = match written(line, self.format) {
            Some(text) if !self.seen.is_empty() && text == self.seen => Ok(self.seen_at),
            Some(text) => {
                let at = parsed(text, self.format, self.zone);
                if let Ok(at) = at {
                    self.seen.clear();
                    self.seen.extend_from_slice(text);
                    self.seen_at = at;
                }
                at
            }
            None => second(line, self.format, self.zone),
        };
        match at {
            Ok(at) => self.minutes.request(at),
            Err(why) => {
                self.minutes.notes.unread += 1;
                self.bad.get_or_insert_with(|| (self.line, why, shown(line)));
            }
        }
    }

    fn finish(mut self, name: &str) -> Result<Trace, DemandError> {
        let Some((line, why, text)) = self.bad else { return self.minutes.finish(name, 60) };
        if self.minutes.is_empty() {
            return Err(DemandError::NothingRead {
                name: name.to_owned(),
                lines: self.line,
                format: self.format,
                line,
                why,
                text,
                formats: Format::NAMES,
            });
        }
        self.minutes.notes.first_unread = Some(format!("line {line}: {why}: `{text}`"));
        self.minutes.finish(name, 60)
    }
}

/// The time of a line as it is written, where that can be found without parsing.
fn written(line: &[u8], format: Format) -> Option<&[u8]> {
    match format {
        Format::Access => {
            let from = memchr(b'[', line)? + 1;
            line.get(from..from + 26).filter(|text| text[2] == b'/')
        }
        Format::Alb => {
            let from = memchr(b' ', line)? + 1;
            let length = memchr(b' ', &line[from..])?;
            Some(&line[from..from + length])
        }
        _ => None,
    }
}

fn parsed(text: &[u8], format: Format, zone: &TimeZone) -> Result<i64, &'static str> {
    match format {
        Format::Access => time::of_access_log(text).ok_or("its time is not one"),
        _ => std::str::from_utf8(text)
            .ok()
            .filter(|text| text.contains('T'))
            .and_then(|text| time::parse(text, zone))
            .ok_or("its second field is no time"),
    }
}

/// The second of a line, since 1970.
pub(crate) fn second(line: &[u8], format: Format, zone: &TimeZone) -> Result<i64, &'static str> {
    match format {
        Format::Access => match written(line, format) {
            Some(text) => parsed(text, format, zone),
            None => Err("no time in brackets"),
        },
        Format::Alb => match written(line, format) {
            Some(text) => parsed(text, format, zone),
            None => Err("no second field"),
        },
        _ => of_json(line, zone),
    }
}

/// The fields that tools write a request's time into. A line may have several.
#[derive(Deserialize)]
struct Timed {
    time: Option<Value>,
    timestamp: Option<Value>,
    #[serde(rename = "@timestamp")]
    at_timestamp: Option<Value>,
    ts: Option<Value>,
    t: Option<Value>,
    date: Option<Value>,
    datetime: Option<Value>,
    time_iso8601: Option<Value>,
    #[serde(rename = "StartUTC")]
    start_utc: Option<Value>,
    #[serde(rename = "requestTime")]
    request_time: Option<Value>,
    msec: Option<Value>,
    time_local: Option<Value>,
}

fn of_json(line: &[u8], zone: &TimeZone) -> Result<i64, &'static str> {
    let timed: Timed = serde_json::from_slice(line).map_err(|_| "not a JSON object")?;
    let fields = [
        timed.time,
        timed.timestamp,
        timed.at_timestamp,
        timed.ts,
        timed.t,
        timed.date,
        timed.datetime,
        timed.time_iso8601,
        timed.start_utc,
        timed.request_time,
        timed.msec,
        timed.time_local,
    ];
    // Only the first: what it says is not made up for by another, such as a day without an hour.
    let at = match fields.into_iter().flatten().next() {
        None => return Err("no field time, timestamp, @timestamp, ts or date"),
        Some(Value::Number(number)) => number.as_f64().and_then(time::from_number),
        Some(Value::String(text)) => {
            time::of_access_log(text.as_bytes()).or_else(|| time::parse(&text, zone))
        }
        Some(_) => None,
    };
    at.ok_or("its time is not one")
}
