//! Times as logs and exports write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Seconds since 1970 of a time in seconds or milliseconds since 1970, RFC 3339, or a date and a
/// time of day in `zone`.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<i64> {
    let text = text.trim().trim_matches('"');
    if let Ok(number) = text.parse::<f64>() {
        return from_number(number);
    }
    // A date begins every other form.
    if text.len() < 10 || !text.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_second());
    }
    let civil = text.parse::<DateTime>().or_else(|_| DateTime::strptime("%m/%d/%Y %H:%M", text));
    let civil = civil.or_else(|_| DateTime::strptime("%Y/%m/%d %H:%M:%S", text)).ok()?;
    Some(zone.to_timestamp(civil).ok()?.as_second())
}

/// Seconds; from the year 5138 on as seconds would be, milliseconds.
pub(crate) fn from_number(number: f64) -> Option<i64> {
    const LAST_SECOND: f64 = 1e11;
    let seconds = if number.abs() >= LAST_SECOND { number / 1000.0 } else { number };
    (seconds.is_finite() && seconds.abs() < LAST_SECOND).then(|| seconds.floor() as i64)
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
