//! The contract that every engine fulfils, and the conformance suite proves.
//!
//! 1. A batch is atomic: all of its writes and facts, or none.
//! 2. A check names a key that the same write changes, and sees the batches before it.
//! 3. Positions are dense, assigned at commit, in commit order.
//! 4. Reads of one snapshot agree with each other and with its position.
//! 5. What `commit` returned as committed survives the loss of the process and of power.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hearth_base::StreamPosition;

use crate::{Batch, Keyspace, StoreError};

/// An ordered key-value store.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// A view of everything committed so far. Cheap; never held across a long wait.
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError>;

    /// Commits batches one after another and makes them durable together.
    ///
    /// Answers with one outcome a batch, in order. An error means that none was committed.
    async fn commit(&self, group: Vec<Batch>) -> Result<Vec<Outcome>, StoreError>;

    /// Writes out what is buffered; called once, before the process ends.
    async fn close(&self) -> Result<(), StoreError>;
}

/// What became of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Committed; `first` is the position of its first fact, or where it would have been.
    Committed {
        /// Position of the batch's first fact.
        first: StreamPosition,
    },
    /// A check did not hold, and nothing of the batch was written.
    Conflict {
        /// The keyspace of the first check that failed.
        keyspace: Keyspace,
        /// Its key.
        key: Vec<u8>,
    },
}

/// A point in time: all facts up to [`Snapshot::position`] are visible, and none above.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// The position of the last change that is visible.
    fn position(&self) -> StreamPosition;

    /// The values of the keys, in the order of the keys.
    async fn get_many(
        &self,
        keyspace: Keyspace,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Rows of a range in the order of `direction`, at most `limit` (and at most
    /// [`hearth_base::limits::STORE_PAGE_ROWS_MAX`]).
    async fn scan(
        &self,
        keyspace: Keyspace,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError>;
}

/// Keys from `start` (included) to `end` (excluded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key.
    pub start: Vec<u8>,
    /// The first key that is too large.
    pub end: Vec<u8>,
}

impl KeyRange {
    /// Every key that begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: Vec<u8>) -> Self {
        let mut end = prefix.clone();
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                return Self { start: prefix, end };
            }
        }
        // A prefix of nothing but 0xff bytes has no successor of its own length.
        let end = vec![u8::MAX; hearth_base::limits::STORE_KEY_BYTES_MAX + 1];
        Self { start: prefix, end }
    }

    /// Whether no key can be in the range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// The order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// A key and its value.
pub type Row = (Bytes, Bytes);

/// Part of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows, in the order of the scan.
    pub rows: Vec<Row>,
    /// Whether the range has more rows than these.
    pub more: bool,
}
