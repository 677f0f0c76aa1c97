//! Numbers that are never given twice, reserved in blocks.

use std::ops::Range;

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
    block: Mutex<Range<u64>>,
}

impl Sequence {
    /// The sequence called `name`.
    #[must_use]
    pub fn new(store: Store, name: &'static str) -> Self {
        Self { store, name, block: Mutex::new(0..0) }
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
            if let Some(reserved) = self.reserve().await? {
                let mut block = self.block.lock();
                // Somebody may have been faster; an older block would give smaller numbers.
                if block.is_empty() && block.end <= reserved.start {
                    *block = reserved;
                }
            }
        }
    }

    /// A block of its own, or `None` if somebody else reserved one at the same moment.
    async fn reserve(&self) -> Result<Option<Range<u64>>, StoreError> {
        let snapshot = self.store.snapshot().await?;
        let before = SEQUENCES.get(snapshot.as_ref(), &(self.name,)).await?;
        let start = before.unwrap_or(1);
        let end = start.saturating_add(BLOCK);
        let mut batch = Batch::new();
        SEQUENCES.replace(&mut batch, &(self.name,), before.as_ref(), Some(&end))?;
        match self.store.commit(batch).await {
            Ok(_) => Ok(Some(start..end)),
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

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

    #[tokio::test]
    async fn many_tasks_never_get_the_same_number() {
        let sequence = Arc::new(Sequence::new(Store::new(MemoryEngine::new()), "example"));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let sequence = Arc::clone(&sequence);
                tokio::spawn(async move {
                    let mut numbers = Vec::new();
                    for _ in 0..3 * BLOCK / 8 {
                        numbers.push(sequence.next().await.unwrap());
                    }
                    assert!(numbers.is_sorted());
                    numbers
                })
            })
            .collect();
        let mut all = BTreeSet::new();
        for task in tasks {
            for number in task.await.unwrap() {
                assert!(all.insert(number));
            }
        }
    }
}
