//! The count in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::{HitStore, StoreError};

/// A count in this process's memory: never fails, starts at 0, is lost when the process ends, and
/// is not shared with any other process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    hits: AtomicU64,
}

#[async_trait]
impl HitStore for MemoryStore {
    async fn add(&self) -> Result<u64, StoreError> {
        // Nothing else is published through the counter; each value comes out once all the same.
        Ok(self.hits.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.hits.load(Ordering::Relaxed))
    }
}
