//! Dates as price sources give them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a price took effect or was last seen: `2026-09-29`, or only `2026-09` or `2026` where the
/// source says no more. Ordered by time; a coarser date counts as the start of its span.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct PriceDate(String);

/// Text that is no year, month or day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date: expected 2026, 2026-09 or 2026-09-29")]
pub struct BadPriceDate(pub String);

impl FromStr for PriceDate {
    type Err = BadPriceDate;

    fn from_str(text: &str) -> Result<Self, BadPriceDate> {
        let whole = match text.len() {
            4 => format!("{text}-01-01"),
            7 => format!("{text}-01"),
            10 => text.to_owned(),
            _ => return Err(BadPriceDate(text.to_owned())),
        };
        match whole.parse::<jiff::civil::Date>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(BadPriceDate(text.to_owned())),
        }
    }
}

impl TryFrom<String> for PriceDate {
    type Error = BadPriceDate;

    fn try_from(text: String) -> Result<Self, BadPriceDate> {
        text.parse()
    }
}

impl From<PriceDate> for String {
    fn from(date: PriceDate) -> Self {
        date.0
    }
}

impl fmt::Display for PriceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> PriceDate {
        text.parse().unwrap()
    }

    #[test]
    fn dates_are_ordered_by_time_and_shown_as_given() {
        assert!(date("2025-12-31") < date("2026"));
        assert!(date("2026") < date("2026-09"));
        assert!(date("2026-09") < date("2026-09-04"));
        assert!(date("2026-09-30") < date("2026-10"));
        assert_eq!(date("2026-09").to_string(), "2026-09");
    }

    #[test]
    fn what_is_no_date_is_refused_by_name() {
        for text in ["", "26", "2026-13", "2026-02-30", "after 2024-11", "2026/09/29", "20260929"] {
            assert_eq!(text.parse::<PriceDate>(), Err(BadPriceDate(text.to_owned())));
        }
    }
}
