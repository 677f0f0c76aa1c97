//! The engine: every call that may wait for a disk goes to the blocking pool.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use hearth_store::{Batch, Engine, Outcome, Snapshot, StoreError};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{OpenError, Settings, database::Database, open::open, snapshot::RocksSnapshot};

/// Most reads that wait for the disk at once.
const DISK_READS_MAX: usize = 64;

/// An [`Engine`] in a directory of its own, which no other process may open meanwhile.
pub struct RocksEngine {
    database: Arc<Database>,
    disk_reads: Arc<Semaphore>,
}

impl RocksEngine {
    /// Opens a directory, and makes it and the database in it if there is nothing. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`]; no table or log has been deleted then.
    pub fn open(path: impl AsRef<Path>, settings: Settings) -> Result<Self, OpenError> {
        Ok(Self {
            database: Arc::new(open(path.as_ref(), &settings)?),
            disk_reads: Arc::new(Semaphore::new(DISK_READS_MAX)),
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        spawn_blocking(move || work(&database))
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

#[async_trait]
impl Engine for RocksEngine {
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        let database = Arc::clone(&self.database);
        let disk_reads = Arc::clone(&self.disk_reads);
        Ok(Arc::new(RocksSnapshot::now(database, disk_reads).await?))
    }

    async fn commit(&self, group: Vec<Batch>) -> Result<Vec<Outcome>, StoreError> {
        self.blocking(move |database| database.commit(&group)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.blocking(Database::flush).await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hearth_base::StreamPosition;
    use hearth_store::{Direction, KeyRange, Keyspace};

    use super::*;
    use crate::test_data::{commit, note, open_default, positions};

    #[test]
    fn the_engine_keeps_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        let count = Cell::new(0);
        hearth_store_conformance::run(async || {
            count.set(count.get() + 1);
            open_default(&directory.path().join(count.get().to_string())).unwrap()
        });
    }

    #[tokio::test]
    async fn rows_survive_with_and_without_a_close() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..3 {
            let engine = open_default(directory.path()).unwrap();
            assert_eq!(positions(&engine).await, round * 10);
            commit(&engine, round * 10..round * 10 + 10).await;
            if round == 1 {
                engine.close().await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn rows_on_disk_are_read_when_the_cache_is_cold() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open_default(directory.path()).unwrap();
        commit(&engine, 0..500).await;
        engine.close().await.unwrap();
        drop(engine);
        let engine = open_default(directory.path()).unwrap();
        let snapshot = engine.snapshot().await.unwrap();
        // The first read brings the index into the cache, but not the other blocks.
        for numbers in [[0, 1], [400, 499], [100, 101]] {
            let rows = numbers.map(note);
            let keys = rows.clone().map(|(key, _)| key);
            let found = snapshot.get_many(Keyspace::Rooms, &keys).await.unwrap();
            assert_eq!(found, rows.map(|(_, value)| Some(value.into())));
        }
        let range = KeyRange::prefix(Vec::new());
        let page = snapshot.scan(Keyspace::Rooms, &range, Direction::Backward, 1_000).await;
        assert_eq!(page.unwrap().rows.len(), 500);
    }

    /// RocksDB's multi-get "finds" an empty value where the filter errs and the next block is not
    /// in the cache.
    #[tokio::test]
    async fn rows_that_are_not_there_are_not_found_when_the_cache_is_cold() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open_default(directory.path()).unwrap();
        let numbers = || (0..250).map(|number| 4 * number);
        for number in numbers() {
            commit(&engine, number..number + 1).await;
        }
        engine.close().await.unwrap();
        drop(engine);
        let engine = open_default(directory.path()).unwrap();
        let snapshot = engine.snapshot().await.unwrap();
        for suffix in 0..=255 {
            let key = |number| [note(number).0, vec![suffix]].concat();
            let keys: Vec<_> = numbers().map(key).collect();
            let rows = snapshot.get_many(Keyspace::Rooms, &keys).await.unwrap();
            assert!(rows.iter().all(Option::is_none), "{rows:?}");
        }
    }

    #[tokio::test]
    async fn tables_that_are_not_open_hide_no_rows() {
        const TABLES: u64 = 300;
        let directory = tempfile::tempdir().unwrap();
        let engine = open_default(directory.path()).unwrap();
        let family = engine.database.family(Keyspace::Rooms).unwrap();
        let db = engine.database.db();
        db.set_options_cf(family, &[("disable_auto_compactions", "true")]).unwrap();
        for number in 0..TABLES {
            commit(&engine, number..number + 1).await;
            db.flush_cf(family).unwrap();
        }
        assert_eq!(positions(&engine).await, TABLES);
    }

    #[tokio::test]
    async fn a_snapshot_outlives_its_engine() {
        let directory = tempfile::tempdir().unwrap();
        let engine = open_default(directory.path()).unwrap();
        commit(&engine, 0..3).await;
        let snapshot = engine.snapshot().await.unwrap();
        commit(&engine, 3..6).await;
        engine.close().await.unwrap();
        drop(engine);
        assert_eq!(snapshot.position(), StreamPosition(3));
        let keys = [note(2).0, note(3).0];
        let rows = snapshot.get_many(Keyspace::Rooms, &keys).await.unwrap();
        assert!(rows[0].is_some() && rows[1].is_none());
    }
}
