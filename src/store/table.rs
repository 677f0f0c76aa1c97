//! Typed tables: a key type and a value type on top of a keyspace.

use std::marker::PhantomData;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Batch, Check, Direction, Key, KeyRange, Keyspace, Row, Snapshot, StoreError, Write,
    codec::{KeyBuffer, KeyPrefix, WholeKey, decode_value, encode_value},
};

/// Rows of type `K → V`, in a keyspace that they may share with other tables.
pub struct Table<K, V> {
    pub(crate) keyspace: Keyspace,
    tag: u8,
    version: u8,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V> {
    /// A table whose keys begin with `tag`, unique within the keyspace. In [`Keyspace::Meta`]
    /// this crate has 1 to 3.
    ///
    /// # Panics
    /// At compile time, when the keyspace is [`Keyspace::Log`]: its rows have no tag.
    #[must_use]
    pub const fn new(keyspace: Keyspace, tag: u8, version: u8) -> Self {
        assert!(!matches!(keyspace, Keyspace::Log), "the log has no tables");
        Self { keyspace, tag, version, types: PhantomData }
    }

    pub(crate) fn encode(&self, key: &impl KeyPrefix<K>) -> KeyBuffer {
        let mut buffer = KeyBuffer { bytes: vec![self.tag], slot: None };
        key.write(&mut buffer);
        buffer
    }

    /// Every row.
    #[must_use]
    pub fn all(&self) -> KeyRange {
        KeyRange::prefix(vec![self.tag])
    }

    /// Rows whose keys begin with these parts.
    pub fn prefix(&self, parts: &impl KeyPrefix<K>) -> KeyRange {
        KeyRange::prefix(self.encode(parts).bytes)
    }

    /// Rows from `start` (included) to `end` (excluded); either may be the first parts of a key.
    pub fn between(&self, start: &impl KeyPrefix<K>, end: &impl KeyPrefix<K>) -> KeyRange {
        KeyRange { start: self.encode(start).bytes, end: self.encode(end).bytes }
    }

    /// Rows that begin with `parts` and come after `key`.
    pub fn after(&self, parts: &impl KeyPrefix<K>, key: &impl WholeKey<K>) -> KeyRange {
        let mut start = self.encode(key).bytes;
        start.push(0);
        KeyRange { start, end: self.prefix(parts).end }
    }

    fn delete_write(&self, key: &impl WholeKey<K>) -> Write {
        let key = self.encode(key);
        Write {
            keyspace: self.keyspace,
            key: key.bytes,
            key_slot: key.slot,
            value: None,
            value_slot: None,
            check: None,
        }
    }

    /// Deletes a row; nothing happens if there is none.
    pub fn delete(&self, batch: &mut Batch, key: &impl WholeKey<K>) {
        batch.write(self.delete_write(key));
    }
}

impl<K: Key, V: Serialize + DeserializeOwned> Table<K, V> {
    pub(crate) fn put_write(&self, key: &impl WholeKey<K>, value: &V) -> Result<Write, StoreError> {
        let value = Some(encode_value(self.keyspace, self.version, value)?);
        Ok(Write { value, ..self.delete_write(key) })
    }

    /// Writes a row, whatever was there before.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn put(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        value: &V,
    ) -> Result<(), StoreError> {
        batch.write(self.put_write(key, value)?);
        Ok(())
    }

    /// Writes a row on the condition that there is none; otherwise the batch is a conflict.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn insert(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        value: &V,
    ) -> Result<(), StoreError> {
        batch.write(Write { check: Some(Check::Absent), ..self.put_write(key, value)? });
        Ok(())
    }

    /// Replaces `before` (`None`: no row) by `after` (`None`: delete), or the batch is a conflict.
    ///
    /// # Errors
    /// A value cannot be encoded.
    pub fn replace(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        before: Option<&V>,
        after: Option<&V>,
    ) -> Result<(), StoreError> {
        let check = match before {
            Some(before) => {
                Check::Equals(Bytes::from(encode_value(self.keyspace, self.version, before)?))
            }
            None => Check::Absent,
        };
        let write = match after {
            Some(after) => self.put_write(key, after)?,
            None => self.delete_write(key),
        };
        batch.write(Write { check: Some(check), ..write });
        Ok(())
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The engine failed, or the row is corrupt.
    pub async fn get(
        &self,
        snapshot: &dyn Snapshot,
        key: &impl WholeKey<K>,
    ) -> Result<Option<V>, StoreError> {
        let row = self.row(snapshot, key).await?;
        row.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// The values of many keys, in their order.
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn get_many<P: WholeKey<K>>(
        &self,
        snapshot: &dyn Snapshot,
        keys: impl IntoIterator<Item = P>,
    ) -> Result<Vec<Option<V>>, StoreError> {
        let rows = self.rows(snapshot, keys).await?;
        rows.into_iter().map(|row| row.map(|bytes| self.decode(&bytes)).transpose()).collect()
    }

    /// Up to `limit` rows of a range of this table.
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn scan(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(K, V)>, StoreError> {
        let page = snapshot.scan(self.keyspace, range, direction, limit).await?;
        page.rows
            .iter()
            .map(|(key, value)| Ok((self.decode_key(key)?, self.decode(value)?)))
            .collect()
    }

    /// All rows of a range, a page at a time: for ranges that are bounded by their nature.
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn scan_all(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
    ) -> Result<Vec<(K, V)>, StoreError> {
        let rows = self.all_rows(snapshot, range).await?;
        rows.iter().map(|(key, value)| Ok((self.decode_key(key)?, self.decode(value)?))).collect()
    }

    pub(crate) async fn row(
        &self,
        snapshot: &dyn Snapshot,
        key: &impl WholeKey<K>,
    ) -> Result<Option<Bytes>, StoreError> {
        let keys = [self.encode(key).bytes];
        let rows = snapshot.get_many(self.keyspace, &keys).await?;
        Ok(rows.into_iter().next().flatten())
    }

    pub(crate) async fn rows<P: WholeKey<K>>(
        &self,
        snapshot: &dyn Snapshot,
        keys: impl IntoIterator<Item = P>,
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let keys: Vec<_> = keys.into_iter().map(|key| self.encode(&key).bytes).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        snapshot.get_many(self.keyspace, &keys).await
    }

    pub(crate) async fn all_rows(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
    ) -> Result<Vec<Row>, StoreError> {
        let mut range = range.clone();
        let mut rows = Vec::new();
        loop {
            let page = snapshot.scan(self.keyspace, &range, Direction::Forward, usize::MAX).await?;
            rows.extend(page.rows);
            let Some((last, _)) = rows.last().filter(|_| page.more) else {
                return Ok(rows);
            };
            range.start = last.to_vec();
            range.start.push(0);
        }
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<V, StoreError> {
        decode_value(self.keyspace, self.version, bytes)
    }

    pub(crate) fn decode_key(&self, bytes: &[u8]) -> Result<K, StoreError> {
        bytes
            .split_first()
            .and_then(|(_, parts)| K::read(parts))
            .ok_or_else(|| StoreError::corrupt(self.keyspace, format!("key {bytes:02x?}")))
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::{RoomNid, StreamPosition};
    use ruma::{OwnedUserId, UserId, user_id};

    use super::*;
    use crate::{CommitError, MemoryEngine, Store};

    const MEMBERS: Table<(RoomNid, OwnedUserId), u32> = Table::new(Keyspace::Members, 1, 1);
    const NEIGHBOUR: Table<(RoomNid, OwnedUserId), u32> = Table::new(Keyspace::Members, 2, 1);

    fn users() -> [&'static UserId; 3] {
        [user_id!("@a:b"), user_id!("@a:bc"), user_id!("@b:b")]
    }

    /// Three members in each of three rooms, and rows of another table around them.
    async fn filled() -> Store {
        let store = Store::new(MemoryEngine::new());
        let mut batch = Batch::new();
        for room in 1..4 {
            for (number, user) in (0..).zip(users()) {
                let key = (RoomNid(room), user);
                MEMBERS.put(&mut batch, &key, &number).unwrap();
                NEIGHBOUR.put(&mut batch, &key, &99).unwrap();
            }
        }
        store.commit(batch).await.unwrap();
        store
    }

    async fn scan(store: &Store, range: &KeyRange, direction: Direction) -> Vec<(u64, u32)> {
        let snapshot = store.snapshot().await.unwrap();
        let rows = MEMBERS.scan(snapshot.as_ref(), range, direction, 100).await;
        let rows = rows.unwrap().into_iter();
        rows.map(|((room, _), value)| (room.0, value)).collect()
    }

    #[tokio::test]
    async fn ranges_stay_within_their_table() {
        let store = filled().await;
        let forward = async |range| scan(&store, &range, Direction::Forward).await;
        assert_eq!(forward(MEMBERS.all()).await.len(), 9);
        let room = (RoomNid(2),);
        let expected = [(2, 0), (2, 1), (2, 2)];
        assert_eq!(forward(MEMBERS.prefix(&room)).await, expected);
        let after = MEMBERS.after(&room, &(RoomNid(2), users()[0]));
        assert_eq!(forward(after).await, expected[1..]);
        let between = MEMBERS.between(&room, &(RoomNid(3), users()[1]));
        let expected = [(3, 0), (2, 2), (2, 1), (2, 0)];
        let backward = scan(&store, &between, Direction::Backward).await;
        assert_eq!(backward, expected);
    }

    #[tokio::test]
    async fn rows_are_found_by_owned_and_borrowed_keys() {
        let store = filled().await;
        let snapshot = store.snapshot().await.unwrap();
        let owned = (RoomNid(1), users()[2].to_owned());
        let get = MEMBERS.get(snapshot.as_ref(), &owned).await;
        assert_eq!(get.unwrap(), Some(2));
        let keys = [(RoomNid(9), users()[0]), (RoomNid(3), users()[1])];
        let many = MEMBERS.get_many(snapshot.as_ref(), keys).await;
        assert_eq!(many.unwrap(), [None, Some(1)]);
    }

    #[tokio::test]
    async fn conditions_hold_or_conflict() {
        let store = filled().await;
        let key = (RoomNid(1), users()[0]);
        let replace = async |before: Option<&u32>, after: Option<&u32>| {
            let mut batch = Batch::new();
            MEMBERS.replace(&mut batch, &key, before, after).unwrap();
            store.commit(batch).await
        };
        let mut batch = Batch::new();
        MEMBERS.insert(&mut batch, &key, &7).unwrap();
        let conflict = store.commit(batch).await;
        assert!(matches!(conflict, Err(CommitError::Conflict { .. })));
        assert!(replace(Some(&5), Some(&6)).await.is_err());
        replace(Some(&0), Some(&6)).await.unwrap();
        replace(Some(&6), None).await.unwrap();
        replace(None, Some(&8)).await.unwrap();
        let mut batch = Batch::new();
        MEMBERS.delete(&mut batch, &key);
        assert_eq!(store.commit(batch).await.unwrap(), StreamPosition(1));
        let snapshot = store.snapshot().await.unwrap();
        let row = MEMBERS.get(snapshot.as_ref(), &key).await;
        assert_eq!(row.unwrap(), None);
    }

    #[tokio::test]
    async fn all_pages_of_a_range_come_back() {
        const NUMBERS: Table<(u32,), u32> = Table::new(Keyspace::Rooms, 1, 1);
        let store = Store::new(MemoryEngine::new());
        let mut batch = Batch::new();
        for number in 0..2_500 {
            NUMBERS.put(&mut batch, &(number,), &number).unwrap();
        }
        store.commit(batch).await.unwrap();
        let snapshot = store.snapshot().await.unwrap();
        let rows = NUMBERS.scan_all(snapshot.as_ref(), &NUMBERS.all()).await;
        let expected: Vec<_> = (0..2_500).map(|number| ((number,), number)).collect();
        assert_eq!(rows.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_row_of_another_type_is_corrupt() {
        const OTHER: Table<(RoomNid,), u32> = Table::new(Keyspace::Members, 1, 1);
        const NEWER: Table<(RoomNid, OwnedUserId), u32> = Table::new(Keyspace::Members, 1, 2);
        let store = filled().await;
        let snapshot = store.snapshot().await.unwrap();
        let rows = OTHER.scan_all(snapshot.as_ref(), &OTHER.all()).await;
        assert!(matches!(rows, Err(StoreError::Corrupt { .. })));
        let rows = NEWER.scan_all(snapshot.as_ref(), &NEWER.all()).await;
        assert!(matches!(rows, Err(StoreError::Corrupt { .. })));
    }
}
