//! Words of a manifest that are checked where they stand.

use std::fmt;

use gearshift_gear::CATALOGUE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// The service's name: 1 to 40 lower-case letters, digits and hyphens, first a letter. It
    /// becomes part of names of tables, images and functions, which take no more.
    ServiceName,
    "^[a-z][a-z0-9-]{0,39}$",
    |text| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let first = text.starts_with(|c: char| c.is_ascii_lowercase());
        if first && text.len() <= 40 && text.chars().all(good) {
            return Ok(());
        }
        Err(format!(
            "`{text}` is no name: 1 to 40 lower-case letters, digits and hyphens, first a letter"
        ))
    }
);

word!(
    /// A path of a URL with its query, as it is sent: begins with `/`, printable ASCII, no `#`.
    UrlPath,
    "^/[!-\"$-~]*$",
    |text| {
        let sent = |c: char| c.is_ascii_graphic() && c != '#';
        if text.starts_with('/') && text.chars().all(sent) {
            return Ok(());
        }
        Err(format!(
            "`{text}` is no path: it begins with / and has no blanks, no # and only ASCII (others as %C3%A9)"
        ))
    }
);

word!(
    /// An HTTP method, upper case.
    Method,
    "^[A-Z]+$",
    |text| match text {
        "CONNECT" => Err("CONNECT makes a tunnel, which cannot be measured".to_owned()),
        "" => Err("a method is missing, such as GET".to_owned()),
        _ if text.chars().all(|c| c.is_ascii_uppercase()) => Ok(()),
        _ => Err(format!("`{text}` is no method: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
    }
);

word!(
    /// A header's name.
    HeaderName,
    "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    |text| {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+.^_`|~-".contains(c);
        if !text.is_empty() && text.chars().all(token) {
            return Ok(());
        }
        Err(format!("`{text}` is no header name: letters, digits and hyphens"))
    }
);

word!(
    /// A row of the catalogue.
    RowName,
    "^[a-z0-9-]+$",
    |text| CATALOGUE.row(text).map(|_| ()).map_err(|unknown| unknown.to_string())
);

/// An HTTP status, 100 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "i64", into = "u16")]
#[schemars(extend("minimum" = 100, "maximum" = 599))]
pub struct Status(u16);

impl Status {
    /// What a good answer has unless told.
    pub const OK: Self = Self(200);

    /// Its number.
    pub fn code(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Status {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u16::try_from(number) {
            Ok(code @ 100..=599) => Ok(Self(code)),
            _ => Err(format!("{number} is no HTTP status: 100 to 599")),
        }
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0
    }
}

/// How often a request is made beside the others, 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "i64", into = "u16")]
#[schemars(extend("minimum" = 1, "maximum" = 1000))]
pub struct Weight(u16);

impl Weight {
    /// As often as any other.
    pub const ONE: Self = Self(1);

    /// Its number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Weight {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u16::try_from(number) {
            Ok(weight @ 1..=1000) => Ok(Self(weight)),
            _ => Err(format!("{number} is no weight: 1 to 1000")),
        }
    }
}

impl From<Weight> for u16 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}
