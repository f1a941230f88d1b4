//! Every number that reaches a user carries where it came from.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LawId, RunId, SourceId};

/// Where a number came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Measured here, from `n` samples.
    Measured { run: RunId, n: u64 },
    /// Drawn from a law of the twin.
    Declared(LawId),
    /// Published by somebody else.
    Quoted(SourceId),
    /// Nobody measured it; counted aloud in the report.
    Assumed(String),
    /// Computed from these.
    Computed(Vec<Origin>),
}

impl Origin {
    /// Computed from these, each kept once.
    pub fn computed(from: impl IntoIterator<Item = Origin>) -> Self {
        Self::Computed(from.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// The leaves: everything this number rests on.
    pub fn leaves(&self) -> Vec<&Origin> {
        match self {
            Self::Computed(from) => from.iter().flat_map(Origin::leaves).collect(),
            leaf => vec![leaf],
        }
    }
}

/// A number, its range where known (low, high), and its origin. The unit stands in the field's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Known<T> {
    pub value: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(T, T)>,
    pub origin: Origin,
}

impl<T> Known<T> {
    /// A number without a range.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, range: None, origin }
    }

    /// The same number with a range (low, high).
    pub fn within(mut self, low: T, high: T) -> Self {
        self.range = Some((low, high));
        self
    }
}
