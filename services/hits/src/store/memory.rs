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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const THREADS: u64 = 8;
    const HITS_EACH: u64 = 20_000;

    #[test]
    fn threads_that_add_at_once_get_every_value_exactly_once() {
        let store = MemoryStore::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let add = || runtime.handle().block_on(store.add()).unwrap();
        let values: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let adders: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| (0..HITS_EACH).map(|_| add()).collect()))
                .collect();
            adders.into_iter().map(|adder| adder.join().unwrap()).collect()
        });
        let distinct: BTreeSet<u64> = values.into_iter().flatten().collect();
        assert!(distinct.into_iter().eq(1..=THREADS * HITS_EACH));
        assert_eq!(runtime.block_on(store.count()).unwrap(), THREADS * HITS_EACH);
    }
}
