//! Where the count lives: one trait, one file per store.

mod file;
mod memory;
#[cfg(feature = "table")]
mod table;

use std::sync::Arc;

use async_trait::async_trait;

pub use file::FileStore;
pub use memory::MemoryStore;
#[cfg(feature = "table")]
pub use table::{TableStore, client};

use crate::StoreChoice;

/// A counter.
#[async_trait]
pub trait HitStore: Send + Sync + 'static {
    /// Adds one and returns the new count. No two calls return the same number, in whatever process.
    async fn add(&self) -> Result<u64, StoreError>;

    /// The count, including every add that has returned.
    async fn count(&self) -> Result<u64, StoreError>;
}

/// Why a store gave no count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Certainly nothing was added.
    #[error("{store} refused ({why}): nothing was counted, the request can be sent again")]
    Refused { store: String, why: String },
    /// The answer was lost or told nothing; repeating could count one hit twice.
    #[error("{store} gave no clear answer ({why}): the hit may or may not have been counted")]
    Unknown { store: String, why: String },
    /// A count could not be read.
    #[error("{store} could not be read ({why})")]
    Unread { store: String, why: String },
}

/// Opens the chosen store. Sends nothing: a table or a file that cannot be used
/// shows at the first hit.
pub async fn open(choice: &StoreChoice) -> Arc<dyn HitStore> {
    match choice {
        StoreChoice::Memory => Arc::new(MemoryStore::default()),
        StoreChoice::File { path } => Arc::new(FileStore::new(path.clone())),
        #[cfg(feature = "table")]
        StoreChoice::Table { name, region } => {
            Arc::new(TableStore::new(client(region).await, name.clone()))
        }
    }
}
