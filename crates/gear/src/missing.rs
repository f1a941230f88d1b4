//! What something needs and a place lacks.

use serde::{Deserialize, Serialize};

/// What a row needs and this place lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}: {why} → {how_to_get_it}")]
pub struct Missing {
    pub what: String,
    pub why: String,
    pub how_to_get_it: String,
}
