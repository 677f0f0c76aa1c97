//! Numbers that are never given twice, reserved in blocks.

use parking_lot::Mutex;

use crate::{Batch, CommitError, Keyspace, Store, StoreError, Table};

/// Name of a sequence → the first number that is not reserved.
const SEQUENCES: Table<(String,), u64> = Table::new(Keyspace::Meta, 1, 1);

/// How many numbers one durable write reserves.
const BLOCK: u64 = 10_000;

/// Gives out growing numbers from 1. Numbers of a block that a crash interrupts are skipped.
pub struct Sequence {
    store: Store,
    name: &'static str,
    block: Mutex<std::ops::Range<u64>>,
}

impl Sequence {
    /// The sequence called `name`.
    #[must_use]
    pub fn new(store: Store, name: &'static str) -> Self {
        Self {
            store,
            name,
            block: Mutex::new(0..0),
        }
    }

    /// The next number.
    ///
    /// # Errors
    /// A new block could not be reserved.
    pub async fn next(&self) -> Result<u64, StoreError> {
        loop {
            if let Some(number) = self.block.lock().next() {
                return Ok(number);
            }
            let reserved = self.reserve().await?;
            let mut block = self.block.lock();
            if block.is_empty() {
                *block = reserved;
            }
        }
    }

    async fn reserve(&self) -> Result<std::ops::Range<u64>, StoreError> {
        loop {
            let snapshot = self.store.snapshot().await?;
            let before = SEQUENCES.get(snapshot.as_ref(), &(self.name,)).await?;
            let start = before.unwrap_or(1);
            let mut batch = Batch::new();
            let end = start + BLOCK;
            SEQUENCES.replace(&mut batch, &(self.name,), before.as_ref(), Some(&end))?;
            match self.store.commit(batch).await {
                Ok(_) => return Ok(start..end),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryEngine;

    #[tokio::test]
    async fn numbers_grow_and_survive_a_restart() {
        let store = Store::new(MemoryEngine::new());
        let first = Sequence::new(store.clone(), "example");
        assert_eq!(first.next().await.unwrap(), 1);
        assert_eq!(first.next().await.unwrap(), 2);
        let restarted = Sequence::new(store, "example");
        assert_eq!(restarted.next().await.unwrap(), 1 + BLOCK);
    }
}
