//! Reading the log, and remembering how far one has read.

use hearth_base::StreamPosition;

use crate::{
    Batch, Direction, Fact, KeyRange, Keyspace, Snapshot, StoreError, Table,
    codec::{decode_position, decode_value, encode_position},
};

/// Name of a follower → the last position that it has dealt with.
const POSITIONS: Table<(String,), StreamPosition> = Table::new(Keyspace::Meta, 2, 1);

/// The totally ordered stream of committed changes.
pub struct Log;

impl Log {
    /// Facts after `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The engine failed, or a row is corrupt.
    pub async fn read(
        snapshot: &dyn Snapshot,
        after: StreamPosition,
        limit: usize,
    ) -> Result<Vec<(StreamPosition, Fact)>, StoreError> {
        let range = KeyRange {
            start: encode_position(after.next()).to_vec(),
            end: encode_position(StreamPosition::MAX).to_vec(),
        };
        let page = snapshot.scan(Keyspace::Log, &range, Direction::Forward, limit).await?;
        page.rows.iter().map(|(key, value)| Ok((position(key)?, fact(value)?))).collect()
    }
}

fn position(key: &[u8]) -> Result<StreamPosition, StoreError> {
    let bytes = key.try_into().map_err(|error| StoreError::corrupt(Keyspace::Log, error))?;
    Ok(decode_position(bytes))
}

fn fact(value: &[u8]) -> Result<Fact, StoreError> {
    decode_value(Keyspace::Log, crate::fact::FORMAT, value)
}

/// How far a follower has read, durably.
pub struct FollowerPosition(&'static str);

impl FollowerPosition {
    /// The position of the follower called `name`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The last position dealt with; 0 for a new follower.
    ///
    /// # Errors
    /// The engine failed, or the row is corrupt.
    pub async fn load(&self, snapshot: &dyn Snapshot) -> Result<StreamPosition, StoreError> {
        Ok(POSITIONS.get(snapshot, &(self.0,)).await?.unwrap_or_default())
    }

    /// Moves the position in the batch that holds what the follower derived from the log.
    ///
    /// # Errors
    /// The position cannot be encoded.
    pub fn save(&self, batch: &mut Batch, position: StreamPosition) -> Result<(), StoreError> {
        POSITIONS.put(batch, &(self.0,), &position)
    }
}
