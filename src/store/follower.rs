//! Reading the log, remembering how far one has read, and waiting for more.

use std::{fmt::Display, future::Future, time::Duration};

use hearth_base::StreamPosition;
use tokio_util::sync::CancellationToken;

use crate::{
    Batch, Direction, Fact, KeyRange, Keyspace, Snapshot, Store, StoreError, Table,
    codec::{decode_position, decode_value, encode_position},
};

/// Name of a follower → the last position that it has dealt with.
const POSITIONS: Table<(String,), StreamPosition> = Table::new(Keyspace::Meta, 2, 1);

/// How long a follower waits after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);

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

/// Something that deals with the log as it grows.
pub trait Follower: Send {
    /// Why it cannot go on at present.
    type Error: Display + Send;

    /// Deals with everything that is in the log.
    fn catch_up(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Catching up failed: what was read may never have been written.
    fn failed(&mut self) {}
}

impl Store {
    /// Lets a follower catch up now and whenever something was committed, until `stop` fires or
    /// nobody can write any more. After a failure it has to wait a moment.
    pub async fn follow(&self, mut follower: impl Follower, name: &str, stop: CancellationToken) {
        let mut commits = self.position();
        loop {
            commits.mark_unchanged();
            let caught_up = follower.catch_up().await;
            if let Err(error) = &caught_up {
                tracing::error!(%error, "the follower of the log for {name} has to wait");
                follower.failed();
            }
            tokio::select! {
                () = stop.cancelled() => return,
                goes_on = commits.changed(), if caught_up.is_ok() => {
                    if goes_on.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(RETRY_AFTER), if caught_up.is_err() => {}
            }
        }
    }
}
