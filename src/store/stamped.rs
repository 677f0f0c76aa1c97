//! Typed tables whose rows know when they were written.

use hearth_base::StreamPosition;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Batch, Check, Direction, Key, KeyPrefix, KeyRange, Keyspace, Pending, Slot, Snapshot,
    StoreError, Table, WholeKey, Write,
    codec::{decode_position, encode_position},
};

/// A value and the position at which it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped<V> {
    /// When it was committed.
    pub position: StreamPosition,
    /// What was committed.
    pub value: V,
}

/// Rows that know the position of the change that wrote them.
///
/// A stored value is the position's eight bytes, then what [`Table`] would store.
pub struct StampedTable<K, V> {
    table: Table<K, V>,
}

impl<K, V> StampedTable<K, V> {
    /// As [`Table::new`].
    #[must_use]
    pub const fn new(keyspace: Keyspace, tag: u8, version: u8) -> Self {
        Self { table: Table::new(keyspace, tag, version) }
    }

    /// As [`Table::all`].
    #[must_use]
    pub fn all(&self) -> KeyRange {
        self.table.all()
    }

    /// As [`Table::prefix`].
    pub fn prefix(&self, parts: &impl KeyPrefix<K>) -> KeyRange {
        self.table.prefix(parts)
    }

    /// As [`Table::between`].
    pub fn between(&self, start: &impl KeyPrefix<K>, end: &impl KeyPrefix<K>) -> KeyRange {
        self.table.between(start, end)
    }

    /// As [`Table::after`].
    pub fn after(&self, parts: &impl KeyPrefix<K>, key: &impl WholeKey<K>) -> KeyRange {
        self.table.after(parts, key)
    }

    /// As [`Table::delete`].
    pub fn delete(&self, batch: &mut Batch, key: &impl WholeKey<K>) {
        self.table.delete(batch, key);
    }
}

impl<K: Key, V: Serialize + DeserializeOwned> StampedTable<K, V> {
    fn stamped(&self, write: Write, slot: Option<Pending>, known: [u8; 8]) -> Write {
        let value = write.value.map(|value| [known.as_slice(), &value].concat());
        Write { value, value_slot: slot.map(|fact| Slot { offset: 0, fact }), ..write }
    }

    /// Writes a row that remembers the position of `fact`.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn put(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        fact: Pending,
        value: &V,
    ) -> Result<(), StoreError> {
        let write = self.table.put_write(key, value)?;
        batch.write(self.stamped(write, Some(fact), [0; 8]));
        Ok(())
    }

    /// As [`StampedTable::put`], on the condition that there is no row.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn insert(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        fact: Pending,
        value: &V,
    ) -> Result<(), StoreError> {
        let write = Write { check: Some(Check::Absent), ..self.table.put_write(key, value)? };
        batch.write(self.stamped(write, Some(fact), [0; 8]));
        Ok(())
    }

    /// Replaces `before` (`None`: no row) by `after` at the position of `fact`, or the batch is a
    /// conflict.
    ///
    /// # Errors
    /// A value cannot be encoded.
    pub fn replace(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        fact: Pending,
        before: Option<&Stamped<V>>,
        after: &V,
    ) -> Result<(), StoreError> {
        let check = match before {
            Some(row) => {
                let value = self.table.put_write(key, &row.value)?.value.unwrap_or_default();
                let position = encode_position(row.position);
                Check::Equals([position.as_slice(), &value].concat().into())
            }
            None => Check::Absent,
        };
        let write = Write { check: Some(check), ..self.table.put_write(key, after)? };
        batch.write(self.stamped(write, Some(fact), [0; 8]));
        Ok(())
    }

    /// Rewrites a row under the position it has.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn rewrite(
        &self,
        batch: &mut Batch,
        key: &impl WholeKey<K>,
        row: &Stamped<V>,
    ) -> Result<(), StoreError> {
        let write = self.table.put_write(key, &row.value)?;
        batch.write(self.stamped(write, None, encode_position(row.position)));
        Ok(())
    }

    /// As [`Table::get`].
    ///
    /// # Errors
    /// The engine failed, or the row is corrupt.
    pub async fn get(
        &self,
        snapshot: &dyn Snapshot,
        key: &impl WholeKey<K>,
    ) -> Result<Option<Stamped<V>>, StoreError> {
        let row = self.table.row(snapshot, key).await?;
        row.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// As [`Table::get_many`].
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn get_many<P: WholeKey<K>>(
        &self,
        snapshot: &dyn Snapshot,
        keys: impl IntoIterator<Item = P>,
    ) -> Result<Vec<Option<Stamped<V>>>, StoreError> {
        let rows = self.table.rows(snapshot, keys).await?;
        rows.into_iter().map(|row| row.map(|bytes| self.decode(&bytes)).transpose()).collect()
    }

    /// As [`Table::scan`].
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn scan(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(K, Stamped<V>)>, StoreError> {
        let page = snapshot.scan(self.table.keyspace, range, direction, limit).await?;
        page.rows
            .iter()
            .map(|(key, value)| Ok((self.table.decode_key(key)?, self.decode(value)?)))
            .collect()
    }

    /// As [`Table::scan_all`].
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn scan_all(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
    ) -> Result<Vec<(K, Stamped<V>)>, StoreError> {
        let rows = self.table.all_rows(snapshot, range).await?;
        rows.iter()
            .map(|(key, value)| Ok((self.table.decode_key(key)?, self.decode(value)?)))
            .collect()
    }

    fn decode(&self, bytes: &[u8]) -> Result<Stamped<V>, StoreError> {
        let (position, value) = bytes
            .split_first_chunk::<8>()
            .ok_or_else(|| StoreError::corrupt(self.table.keyspace, "a row without position"))?;
        Ok(Stamped { position: decode_position(*position), value: self.table.decode(value)? })
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::RoomNid;

    use super::*;
    use crate::{Fact, MemoryEngine, Store};

    const THREADS: StampedTable<(RoomNid,), String> = StampedTable::new(Keyspace::Relations, 1, 1);
    const ORDER: Table<(RoomNid, StreamPosition), u8> = Table::new(Keyspace::Relations, 2, 1);

    fn fact(batch: &mut Batch) -> Pending {
        batch.fact(Fact::Membership { user: "@a:b".try_into().unwrap(), room: RoomNid(1) })
    }

    #[tokio::test]
    async fn rows_know_their_position_and_keep_it_when_rewritten() {
        let store = Store::new(MemoryEngine::new());
        for text in ["one", "two"] {
            let mut batch = Batch::new();
            fact(&mut batch);
            let pending = fact(&mut batch);
            let key = (RoomNid(1), pending);
            ORDER.put(&mut batch, &key, &7).unwrap();
            let text = text.to_owned();
            THREADS.put(&mut batch, &(RoomNid(1),), pending, &text).unwrap();
            store.commit(batch).await.unwrap();
        }
        let snapshot = store.snapshot().await.unwrap();
        let row = THREADS.get(snapshot.as_ref(), &(RoomNid(1),)).await;
        let mut row = row.unwrap().unwrap();
        assert_eq!((row.position.0, row.value.as_str()), (4, "two"));
        let order = ORDER.scan_all(snapshot.as_ref(), &ORDER.all()).await;
        let positions = order.unwrap().into_iter().map(|((_, at), _)| at.0);
        assert_eq!(positions.collect::<Vec<_>>(), [2, 4]);

        row.value = "three".to_owned();
        let mut batch = Batch::new();
        THREADS.rewrite(&mut batch, &(RoomNid(1),), &row).unwrap();
        store.commit(batch).await.unwrap();
        let snapshot = store.snapshot().await.unwrap();
        let rows = THREADS.scan_all(snapshot.as_ref(), &THREADS.all()).await;
        assert_eq!(rows.unwrap(), [((RoomNid(1),), row)]);
    }

    #[tokio::test]
    async fn an_insert_conflicts_with_a_row() {
        let store = Store::new(MemoryEngine::new());
        let insert = || {
            let mut batch = Batch::new();
            let pending = fact(&mut batch);
            let value = String::new();
            THREADS.insert(&mut batch, &(RoomNid(1),), pending, &value).unwrap();
            batch
        };
        store.commit(insert()).await.unwrap();
        assert!(store.commit(insert()).await.is_err());
    }
}
