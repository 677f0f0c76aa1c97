//! The store's view of a snapshot: memory on the runtime, the disk on the blocking pool.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hearth_base::StreamPosition;
use hearth_store::{
    Direction, KeyRange, Keyspace, POSITION_KEY, Page, Snapshot, StoreError, position_from_row,
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    database::Database,
    view::{Reach, View},
};

/// Most keys that are looked up on the runtime's own thread: beyond, even memory takes long.
const INLINE_KEYS_MAX: usize = 256;

/// A point in time.
pub(crate) struct RocksSnapshot {
    view: Arc<View>,
    position: StreamPosition,
    disk_reads: Arc<Semaphore>,
}

impl RocksSnapshot {
    /// The database as it is now; `disk_reads` bounds how many of its reads wait for a disk.
    pub(crate) async fn now(
        database: Arc<Database>,
        disk_reads: Arc<Semaphore>,
    ) -> Result<Self, StoreError> {
        let mut snapshot = Self {
            view: Arc::new(View::now(database)),
            position: StreamPosition::ZERO,
            disk_reads,
        };
        let keys = [POSITION_KEY.to_vec()];
        let rows = snapshot.get_many(Keyspace::Meta, &keys).await?;
        snapshot.position = position_from_row(rows.first().and_then(Option::as_deref))?;
        Ok(snapshot)
    }

    /// Runs a read that may wait for the disk; the view lives until it is done.
    async fn read_disk<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<Option<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable = |error: &dyn ToString| StoreError::Unavailable(error.to_string());
        let permit = Arc::clone(&self.disk_reads)
            .acquire_owned()
            .await
            .map_err(|error| unavailable(&error))?;
        let view = Arc::clone(&self.view);
        let read = spawn_blocking(move || {
            let read = read(&view);
            drop(permit);
            read
        });
        read.await
            .map_err(|error| unavailable(&error))??
            .ok_or_else(|| unavailable(&"a read of the disk was incomplete"))
    }
}

#[async_trait]
impl Snapshot for RocksSnapshot {
    fn position(&self) -> StreamPosition {
        self.position
    }

    async fn get_many(
        &self,
        keyspace: Keyspace,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        if keys.len() <= INLINE_KEYS_MAX
            && let Some(rows) = self.view.get_many(keyspace, keys, Reach::Memory)?
        {
            return Ok(rows);
        }
        let keys = keys.to_vec();
        self.read_disk(move |view| view.get_many(keyspace, &keys, Reach::Disk)).await
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
        let in_memory = self.view.scan(keyspace, range, direction, limit, Reach::Memory)?;
        if let Some(page) = in_memory {
            return Ok(page);
        }
        let range = range.clone();
        self.read_disk(move |view| view.scan(keyspace, &range, direction, limit, Reach::Disk)).await
    }
}
