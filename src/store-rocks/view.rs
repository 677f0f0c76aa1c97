//! A RocksDB snapshot that owns what it is a snapshot of, and its reads.

use std::sync::Arc;

use bytes::Bytes;
use hearth_base::limits::STORE_PAGE_ROWS_MAX;
use hearth_store::{Direction, KeyRange, Keyspace, Page, StoreError};
use rocksdb::{ErrorKind, ReadOptions, ReadTier, SnapshotWithThreadMode};
use self_cell::self_cell;

use crate::database::{Database, Db, store_error};

type Snapshot<'a> = SnapshotWithThreadMode<'a, Db>;

self_cell!(
    /// Reads of one point in time. It may be sent to the blocking pool.
    pub(crate) struct View {
        owner: Arc<Database>,

        #[covariant]
        dependent: Snapshot,
    }
);

/// Where a read may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In memory only: it never waits for a disk.
    Memory,
    /// Also on the disk: for the blocking pool.
    Disk,
}

impl Reach {
    fn options(self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if self == Self::Memory {
            options.set_read_tier(ReadTier::BlockCache);
        }
        options
    }
}

impl View {
    /// The database as it is now.
    pub(crate) fn now(database: Arc<Database>) -> Self {
        Self::new(database, |database| database.db().snapshot())
    }

    /// The values of the keys; `None` if they are out of reach.
    pub(crate) fn get_many(
        &self,
        keyspace: Keyspace,
        keys: &[Vec<u8>],
        reach: Reach,
    ) -> Result<Option<Vec<Option<Bytes>>>, StoreError> {
        let family = self.borrow_owner().family(keyspace)?;
        let addresses = keys.iter().map(|key| (family, key));
        let found = self.borrow_dependent().multi_get_cf_opt(addresses, reach.options());
        let found = found.into_iter().map(|row| Ok(row?.map(Bytes::from))).collect();
        let rows = within_reach(keyspace, found)?;
        // A multi-get says "found, empty" of a block that it did not get to see.
        let is_certain = |rows: &Vec<Option<Bytes>>| {
            reach == Reach::Disk || !rows.iter().flatten().any(Bytes::is_empty)
        };
        Ok(rows.filter(is_certain))
    }

    /// A page of a range; `None` if a part of it is out of reach.
    pub(crate) fn scan(
        &self,
        keyspace: Keyspace,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
        reach: Reach,
    ) -> Result<Option<Page>, StoreError> {
        let family = self.borrow_owner().family(keyspace)?;
        let mut options = reach.options();
        options.set_iterate_lower_bound(range.start.as_slice());
        options.set_iterate_upper_bound(range.end.as_slice());
        let mut iterator = self.borrow_dependent().raw_iterator_cf_opt(family, options);
        match direction {
            Direction::Forward => iterator.seek_to_first(),
            Direction::Backward => iterator.seek_to_last(),
        }
        let limit = limit.min(STORE_PAGE_ROWS_MAX);
        let mut page = Page::default();
        while page.rows.len() < limit
            && let Some((key, value)) = iterator.item()
        {
            page.rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            match direction {
                Direction::Forward => iterator.next(),
                Direction::Backward => iterator.prev(),
            }
        }
        page.more = iterator.valid();
        // An iterator is at its end also when it failed.
        within_reach(keyspace, iterator.status().map(|()| page))
    }
}

fn within_reach<T>(
    keyspace: Keyspace,
    read: Result<T, rocksdb::Error>,
) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::Incomplete => Ok(None),
        Err(error) => Err(store_error(keyspace, &error)),
    }
}
