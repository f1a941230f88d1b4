//! Several kinds of requests in one job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Expect;

/// One kind of request of a mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Path and query, such as `/search?q=x`.
    pub path: String,
    pub method: String,
    /// Name and value, sent in this order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Sent with every such call; in JSON as base64.
    #[serde(default, with = "as_base64")]
    #[schemars(with = "String")]
    pub body: Vec<u8>,
    /// How often it is made beside the others; at least 1.
    pub weight: u32,
    pub expect: Expect,
}

/// Whose turn it is: each kind as often as its weight says, as evenly as can be, and always in the
/// same order (smooth weighted round-robin, as nginx chooses its upstreams).
pub(crate) struct Turns {
    weights: Vec<i64>,
    due: Vec<i64>,
}

impl Turns {
    /// At least one weight, each at least 1.
    pub(crate) fn of(weights: impl IntoIterator<Item = u32>) -> Self {
        let weights: Vec<i64> = weights.into_iter().map(i64::from).collect();
        Self { due: vec![0; weights.len()], weights }
    }

    pub(crate) fn next(&mut self) -> usize {
        let total: i64 = self.weights.iter().sum();
        for (due, weight) in self.due.iter_mut().zip(&self.weights) {
            *due += weight;
        }
        let most = self.due.iter().max().copied().unwrap_or_default();
        let turn = self.due.iter().position(|due| *due == most).unwrap_or_default();
        if let Some(due) = self.due.get_mut(turn) {
            *due -= total;
        }
        turn
    }
}

mod as_base64 {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_the_weights_evenly() {
        let mut turns = Turns::of([5, 1, 1]);
        let order: Vec<usize> = (0..7).map(|_| turns.next()).collect();
        assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn one_kind_always_has_its_turn() {
        let mut turns = Turns::of([3]);
        assert_eq!((0..4).map(|_| turns.next()).sum::<usize>(), 0);
    }
}
