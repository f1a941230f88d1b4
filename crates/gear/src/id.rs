//! Names of things, as types.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One run of `compare` or `up`: four to eight lower-case hex digits. Everything a run starts is
/// found again by this id alone.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// A run id that is not four to eight lower-case hex digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a run id: expected 4 to 8 lower-case hex digits, such as 7f3a")]
pub struct BadRunId(pub String);

impl RunId {
    /// The id for a number: eight hex digits. Of a thousand runs with random ones, all of one owner, two
    /// share an id once in 9,000 times. Ids of four digits are those of older versions.
    pub fn from_number(number: u32) -> Self {
        Self(format!("{number:08x}"))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = BadRunId;

    fn from_str(text: &str) -> Result<Self, BadRunId> {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if (4..=8).contains(&text.len()) && text.chars().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRunId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = BadRunId;

    fn try_from(text: String) -> Result<Self, BadRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose runs these are, where several people share a cloud account: 1 to 32 lower-case letters, digits and
/// `-`, which every provider takes in names and tags.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Owner(String);

/// A name that no owner can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no owner: expected 1 to 32 lower-case letters, digits and -, such as ada")]
pub struct BadOwner(pub String);

/// Characters of an owner at most.
const LONGEST_OWNER: usize = 32;

impl Owner {
    /// Who is called this, in the characters that an owner may have; others become `-`.
    pub fn called(name: &str) -> Self {
        let fits = |c: char| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => c,
            _ => '-',
        };
        let owner: String = name.chars().take(LONGEST_OWNER).map(fits).collect();
        Self(if owner.is_empty() { "nobody".to_owned() } else { owner })
    }

    /// The owner's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Owner {
    /// Of whoever did not say.
    fn default() -> Self {
        Self::called("nobody")
    }
}

impl TryFrom<String> for Owner {
    type Error = BadOwner;

    fn try_from(text: String) -> Result<Self, BadOwner> {
        if !text.is_empty() && Self::called(&text).0 == text {
            Ok(Self(text))
        } else {
            Err(BadOwner(text))
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name! {
    /// A law of the twin, such as `ddb.update_add`.
    LawId
}
name! {
    /// Where a quoted number was published.
    SourceId
}
name! {
    /// One execution environment, instance or task; never reused within a run.
    EnvironmentId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_older_versions_are_still_read() {
        assert_eq!(RunId::from_number(0xbeef).as_str(), "0000beef");
        for text in ["7f3a", "0000beef", "ffffffff"] {
            assert_eq!(text.parse::<RunId>().unwrap().as_str(), text);
        }
        for bad in ["", "7f3", "7F3A", "123456789", "../7f3a"] {
            assert_eq!(bad.parse::<RunId>(), Err(BadRunId(bad.to_owned())));
        }
    }

    #[test]
    fn an_owner_has_only_what_a_tag_may_have() {
        for (name, owner) in [("ada", "ada"), ("Ada L.", "ada-l-"), ("", "nobody"), ("ä", "-")] {
            assert_eq!(Owner::called(name).as_str(), owner);
        }
        assert_eq!(Owner::called(&"x".repeat(99)).as_str().len(), 32);
        assert_eq!(Owner::try_from("Ada".to_owned()), Err(BadOwner("Ada".to_owned())));
        assert!(Owner::try_from("x".repeat(33)).is_err());
    }
}
