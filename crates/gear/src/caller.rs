//! Where the client stands.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LawId;

/// Where the client stands, printed in every header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// In the same subnet, so in the same availability zone.
    SameSubnet,
    /// In the region, another availability zone.
    #[default]
    Region,
    /// A home user near the region.
    Home,
}

impl Caller {
    /// All callers, nearest first.
    pub const ALL: [Caller; 3] = [Self::SameSubnet, Self::Region, Self::Home];

    /// The law of the round trip between this caller and the front.
    pub fn round_trip(self) -> LawId {
        LawId::from(match self {
            Self::SameSubnet => "net.same_az_rtt",
            Self::Region => "net.cross_az_rtt",
            Self::Home => "net.internet_rtt",
        })
    }

    /// As typed after `--caller`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameSubnet => "same-subnet",
            Self::Region => "region",
            Self::Home => "home",
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a caller: same-subnet, region or home")]
pub struct BadCaller(pub String);

impl FromStr for Caller {
    type Err = BadCaller;

    fn from_str(text: &str) -> Result<Self, BadCaller> {
        Self::ALL
            .into_iter()
            .find(|caller| caller.as_str() == text)
            .ok_or_else(|| BadCaller(text.to_owned()))
    }
}
