//! How figures are written: digits, units and thousands.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// Milliseconds as a bare number: one decimal, two where one would show nothing.
pub(crate) fn ms(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    // Rounded first, so that a tiny negative rest does not read `-0.0`.
    let tenths = (value * 10.0).round() / 10.0;
    if tenths == 0.0 && value.abs() >= 0.005 {
        return format!("{value:.2}");
    }
    grouped(&format!("{:.1}", tenths + 0.0))
}

/// Milliseconds with their unit, in seconds from one second on: `182 ms`, `1.23 s`, `38.4 s`.
pub(crate) fn duration(time_ms: f64) -> String {
    match time_ms {
        few if few < 9.95 => with_unit(few),
        whole if whole < 999.5 => format!("{whole:.0} ms"),
        seconds if seconds < 9_995.0 => format!("{:.2} s", seconds / 1e3),
        seconds if seconds.is_finite() => {
            format!("{} s", grouped(&format!("{:.1}", seconds / 1e3)))
        }
        _ => "-".to_owned(),
    }
}

/// Milliseconds with their unit and the digits of [`ms`].
pub(crate) fn with_unit(value: f64) -> String {
    format!("{} ms", ms(value))
}

/// Seconds of a run: `41 s`, `5 m 41 s`, `1 h 5 m`.
pub(crate) fn run_time(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} m {s} s"),
        (h, m, _) => format!("{h} h {m} m"),
    }
}

/// A whole number with thousands apart.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A rate per second or another figure where two digits are enough.
pub(crate) fn rate(value: f64) -> String {
    match value {
        value if !value.is_finite() => "-".to_owned(),
        value if value >= 9.95 => grouped(&format!("{value:.0}")),
        value if value >= 0.95 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// The rate a measurement was asked for, without digits it does not have: `10`, `4.13`.
pub(crate) fn set_rate(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Calls a month: `850`, `120 k`, `6.7 M`, `1,000 M`.
pub(crate) fn calls(calls: Decimal) -> String {
    let value = calls.to_f64().unwrap_or(0.0);
    match value {
        value if value < 999.5 => format!("{value:.0}"),
        value if value < 999_500.0 => format!("{} k", digits(value / 1e3)),
        value => format!("{} M", digits(value / 1e6)),
    }
}

/// Two ends of a range of calls a month in the unit of the upper one: `6.1-7.4 M`.
pub(crate) fn calls_range(low: Decimal, high: Decimal) -> String {
    let (low_text, high_text) = (calls(low), calls(high));
    let unit = |text: &str| text.rsplit_once(' ').map(|(_, unit)| unit.to_owned());
    match low_text.rsplit_once(' ') {
        Some((number, of)) if unit(&high_text).as_deref() == Some(of) => {
            format!("{number}-{high_text}")
        }
        _ => format!("{low_text} - {high_text}"),
    }
}

fn digits(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { grouped(&format!("{value:.0}")) }
}

/// US dollars to the cent; what is below half a cent and not nothing reads `<0.01`.
pub(crate) fn usd(value: Decimal) -> String {
    let cents = value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if cents.is_zero() && !value.is_zero() {
        return "<0.01".to_owned();
    }
    grouped(&format!("{cents:.2}"))
}

/// A share of 0 to 1 in percent.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// A quantity of a bill, without digits nobody reads.
pub(crate) fn quantity(value: Decimal) -> String {
    grouped(&value.round_sf(4).unwrap_or(value).normalize().to_string())
}

/// Thousands apart in the whole part of a decimal number.
fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!(ms(16.24), "16.2");
        assert_eq!(ms(0.04), "0.04");
        assert_eq!(ms(-0.001), "0.0");
        assert_eq!(ms(12_345.67), "12,345.7");
        assert_eq!(duration(182.4), "182 ms");
        assert_eq!(duration(999.6), "1.00 s");
        assert_eq!(duration(38_412.0), "38.4 s");
        assert_eq!(run_time(341.2), "5 m 41 s");
        assert_eq!(run_time(3900.0), "1 h 5 m");
        assert_eq!(count(2_140), "2,140");
        assert_eq!(rate(1000.0), "1,000");
        assert_eq!(rate(2.54), "2.5");
        assert_eq!(set_rate(10.0), "10");
        assert_eq!(set_rate(4.13), "4.13");
        assert_eq!(percent(0.34), "34 %");
        assert_eq!(percent(0.012), "1.2 %");
    }

    #[test]
    fn volumes_carry_their_unit_once() {
        assert_eq!(calls(Decimal::from(6_712_345)), "6.7 M");
        assert_eq!(calls(Decimal::from(1_000_000_000)), "1,000 M");
        assert_eq!(calls(Decimal::from(999_600)), "1.0 M");
        assert_eq!(calls_range(Decimal::from(6_100_000), Decimal::from(7_400_000)), "6.1-7.4 M");
        assert_eq!(calls_range(Decimal::from(900_000), Decimal::from(7_400_000)), "900 k - 7.4 M");
    }

    #[test]
    fn money_is_never_rounded_to_nothing() {
        assert_eq!(usd(Decimal::ZERO), "0.00");
        assert_eq!(usd("0.004".parse().unwrap()), "<0.01");
        assert_eq!(usd("0.005".parse().unwrap()), "0.01");
        assert_eq!(usd("1234.565".parse().unwrap()), "1,234.57");
    }
}
