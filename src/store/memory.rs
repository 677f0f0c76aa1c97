//! The engine that keeps everything in memory: for tests, and the measure of what others do.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use hearth_base::{StreamPosition, limits::STORE_PAGE_ROWS_MAX};
use parking_lot::Mutex;

use crate::{
    Batch, Direction, Engine, KeyRange, Keyspace, Outcome, Page, Snapshot, StoreError, plan,
};

type Rows = BTreeMap<(Keyspace, Vec<u8>), Bytes>;

/// An [`Engine`] without durability. A snapshot shares the rows until the next commit.
#[derive(Default)]
pub struct MemoryEngine {
    state: Mutex<View>,
}

#[derive(Clone, Default)]
struct View {
    rows: Arc<Rows>,
    position: StreamPosition,
}

impl MemoryEngine {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        Ok(Arc::new(self.state.lock().clone()))
    }

    async fn commit(&self, group: Vec<Batch>) -> Result<Vec<Outcome>, StoreError> {
        let mut state = self.state.lock();
        let rows = Arc::clone(&state.rows);
        let plan = plan(&group, state.position, |keyspace, key| {
            Ok(rows.get(&(keyspace, key.to_vec())).cloned())
        })?;
        drop(rows);
        if plan.writes.is_empty() {
            return Ok(plan.outcomes);
        }
        let rows = Arc::make_mut(&mut state.rows);
        for (key, value) in plan.writes {
            match value {
                Some(value) => rows.insert(key, Bytes::from(value)),
                None => rows.remove(&key),
            };
        }
        state.position = plan.position;
        Ok(plan.outcomes)
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Snapshot for View {
    fn position(&self) -> StreamPosition {
        self.position
    }

    async fn get_many(
        &self,
        keyspace: Keyspace,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        Ok(keys.iter().map(|key| self.rows.get(&(keyspace, key.clone())).cloned()).collect())
    }

    async fn scan(
        &self,
        keyspace: Keyspace,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        if range.is_empty() {
            return Ok(Page::default());
        }
        let limit = limit.min(STORE_PAGE_ROWS_MAX);
        let bounds = (
            Bound::Included((keyspace, range.start.clone())),
            Bound::Excluded((keyspace, range.end.clone())),
        );
        let rows = self.rows.range(bounds);
        let row = |((_, key), value): (&(Keyspace, Vec<u8>), &Bytes)| {
            (Bytes::copy_from_slice(key), value.clone())
        };
        let mut rows: Vec<_> = match direction {
            Direction::Forward => rows.take(limit + 1).map(row).collect(),
            Direction::Backward => rows.rev().take(limit + 1).map(row).collect(),
        };
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Page { rows, more })
    }
}
