//! The open database: what blocks on the disk, for the blocking pool to call.

use bytes::Bytes;
use hearth_base::StreamPosition;
use hearth_store::{
    Batch, Keyspace, Outcome, POSITION_KEY, Plan, StoreError, plan, position_from_row,
};
use parking_lot::Mutex;
use rocksdb::{
    ColumnFamily, DBWithThreadMode, ErrorKind, FlushOptions, SingleThreaded, WriteBatch,
    WriteOptions,
};

use crate::watermark::Watermark;

/// Its column families are fixed when it is opened, so none are looked up under a lock.
pub(crate) type Db = DBWithThreadMode<SingleThreaded>;

/// The database, and what commits one after another need.
pub(crate) struct Database {
    db: Db,
    /// Held during a commit: what a group's checks have read stays true until it is written.
    watermark: Mutex<Watermark>,
}

impl Database {
    pub(crate) const fn new(db: Db, watermark: Watermark) -> Self {
        Self { db, watermark: Mutex::new(watermark) }
    }

    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }

    /// The column family of a keyspace.
    pub(crate) fn family(&self, keyspace: Keyspace) -> Result<&ColumnFamily, StoreError> {
        self.db
            .cf_handle(keyspace.name())
            .ok_or_else(|| StoreError::Unavailable(format!("{keyspace:?} is not open")))
    }

    /// The position of the last commit.
    pub(crate) fn position(&self) -> Result<StreamPosition, StoreError> {
        let row = self.get(Keyspace::Meta, POSITION_KEY)?;
        position_from_row(row.as_deref())
    }

    /// Decides a group and writes it; it is on disk when this returns.
    pub(crate) fn commit(&self, group: &[Batch]) -> Result<Vec<Outcome>, StoreError> {
        let watermark = self.watermark.lock();
        let plan = plan(group, self.position()?, |keyspace, key| self.get(keyspace, key))?;
        if !plan.writes.is_empty() {
            self.write(&plan)?;
            watermark.record(plan.position);
        }
        Ok(plan.outcomes)
    }

    /// Writes all memtables out, so that the next start has no log to replay.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let failed = |error| store_error(Keyspace::Meta, &error);
        self.db.flush_wal(true).map_err(failed)?;
        let families = Keyspace::ALL
            .into_iter()
            .map(|keyspace| self.family(keyspace))
            .collect::<Result<Vec<_>, _>>()?;
        self.db.flush_cfs_opt(&families, &FlushOptions::default()).map_err(failed)
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let row = self.db.get_cf(self.family(keyspace)?, key);
        row.map(|row| row.map(Bytes::from)).map_err(|error| store_error(keyspace, &error))
    }

    fn write(&self, plan: &Plan) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for ((keyspace, key), value) in &plan.writes {
            let family = self.family(*keyspace)?;
            match value {
                Some(value) => batch.put_cf(family, key, value),
                None => batch.delete_cf(family, key),
            }
        }
        let mut durable = WriteOptions::default();
        durable.set_sync(true);
        self.db.write_opt(batch, &durable).map_err(|error| store_error(Keyspace::Meta, &error))
    }
}

/// What a failure of RocksDB means to the callers of the store.
pub(crate) fn store_error(keyspace: Keyspace, error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::corrupt(keyspace, error),
        _ => StoreError::Unavailable(error.to_string()),
    }
}
