//! What must be there before a row can start.

use std::collections::BTreeSet;

use async_trait::async_trait;
use gearshift_gear::{ArtefactKind, Artefacts, Missing, Row, RuntimeClient};

/// Makes rows' builds ready.
#[async_trait]
pub trait Provision: Sync {
    /// Whether the row's build is ready, without any work. Rows that are go first: they are not
    /// kept waiting by what others need, nor by what that may fail on.
    fn is_ready(&self, row: &Row) -> bool;

    /// Makes the row's build ready, in one of the forms that a target accepts.
    ///
    /// # Errors
    /// What is missing, and how to get it; the row is skipped with it.
    async fn provide(
        &self,
        row: &Row,
        accepts: &BTreeSet<ArtefactKind>,
    ) -> Result<Provided, Missing>;
}

/// What a row runs.
#[derive(Clone, Debug, Default)]
pub struct Provided {
    pub artefacts: Artefacts,
    /// What runs a function's code; none where nothing of the kind does.
    pub runtime: Option<RuntimeClient>,
}
