//! Times as logs and exports write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// A time as it is written.
enum Written {
    /// Since 1970, seconds.
    Second(i64),
    /// Of a zone that is not named.
    Civil(DateTime),
}

/// Seconds since 1970 of a time in seconds or parts of one since 1970, RFC 3339, or a date and a time
/// of day in `zone`.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<i64> {
    match written(text)? {
        Written::Second(second) => Some(second),
        Written::Civil(civil) => Some(zone.to_timestamp(civil).ok()?.as_second()),
    }
}

/// Whether this can hardly be anything but a time: a date, or a number since 1970 that lies between
/// 1990 and 2100.
pub(crate) fn is_sure(text: &str, zone: &TimeZone) -> bool {
    const YEARS: std::ops::Range<i64> = 631_152_000..4_102_444_800;
    match parse(text, zone) {
        Some(second) if text.trim().parse::<f64>().is_ok() => YEARS.contains(&second),
        other => other.is_some(),
    }
}

fn written(text: &str) -> Option<Written> {
    let text = text.trim().trim_matches('"');
    if let Ok(number) = text.parse::<f64>() {
        return from_number(number).map(Written::Second);
    }
    // A date begins every other form.
    if text.len() < 10 || !text.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Written::Second(at.as_second()));
    }
    let civil = text.parse::<DateTime>().or_else(|_| DateTime::strptime("%m/%d/%Y %H:%M", text));
    let civil = civil.or_else(|_| DateTime::strptime("%Y/%m/%d %H:%M:%S", text)).ok()?;
    Some(Written::Civil(civil))
}

/// Reads times in the order of a file. Where clocks are set back an hour of theirs comes twice: of
/// the two, it is the one nearer to where a step of the usual length leads.
pub(crate) struct Clock<'a> {
    zone: &'a TimeZone,
    last_s: Option<i64>,
    /// The shortest so far.
    step_s: Option<i64>,
}

impl<'a> Clock<'a> {
    pub fn new(zone: &'a TimeZone) -> Self {
        Self { zone, last_s: None, step_s: None }
    }

    /// As [`parse`].
    pub fn second(&mut self, text: &str) -> Option<i64> {
        let civil = match written(text)? {
            Written::Second(second) => return Some(second),
            Written::Civil(civil) => civil,
        };
        let at = self.zone.to_ambiguous_timestamp(civil);
        let mut second = at.compatible().ok()?.as_second();
        if let (AmbiguousOffset::Fold { .. }, Some(last)) = (at.offset(), self.last_s) {
            let next = last + self.step_s.unwrap_or(0);
            let later = at.later().ok()?.as_second();
            if (later - next).abs() < (second - next).abs() {
                second = later;
            }
        }
        if let Some(step) = self.last_s.map(|last| second - last).filter(|step| *step != 0) {
            self.step_s = self.step_s.filter(|known| known.abs() <= step.abs()).or(Some(step));
        }
        self.last_s = Some(second);
        Some(second)
    }
}

/// Seconds, or where that would be the year 5138 or later milliseconds, microseconds or nanoseconds.
pub(crate) fn from_number(number: f64) -> Option<i64> {
    const LAST_SECOND: f64 = 1e11;
    let seconds = [1.0, 1e3, 1e6, 1e9].map(|parts| number / parts);
    let seconds = seconds.into_iter().find(|seconds| seconds.abs() < LAST_SECOND)?;
    Some(seconds.floor() as i64)
}

/// Of `10/Oct/2000:13:55:36 -0700`.
pub(crate) fn of_access_log(text: &[u8]) -> Option<i64> {
    if text.len() < 26 || text[2] != b'/' || text[6] != b'/' || text[11] != b':' {
        return None;
    }
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = MONTHS.chunks(3).position(|month| month == &text[3..6])? as i8 + 1;
    let date = DateTime::new(
        number(&text[7..11])? as i16,
        month,
        number(&text[0..2])? as i8,
        number(&text[12..14])? as i8,
        number(&text[15..17])? as i8,
        (number(&text[18..20])? as i8).min(59),
        0,
    );
    let sign = match text[21] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let east = sign * (number(&text[22..24])? * 3600 + number(&text[24..26])? * 60);
    let at = TimeZone::UTC.to_timestamp(date.ok()?).ok()?;
    Some(at.as_second() - east)
}

fn number(digits: &[u8]) -> Option<i64> {
    let value =
        |sum: i64, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'));
    digits.iter().try_fold(0, value)
}
