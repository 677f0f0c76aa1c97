//! What waits to be told to pushers: a row for each pusher and happening, deleted once told.

use hearth_accounts::PusherKey;
use hearth_base::{RoomNid, StreamPosition};
use hearth_store::{Batch, Direction, Snapshot, Store};
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{PushError, tables::QUEUE};

/// How many rows of a pusher are looked at together.
pub(crate) const PAGE_ROWS: usize = 100;

/// What a pusher has to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueRow {
    /// Where it happened.
    pub(crate) room: RoomNid,
    /// When it was queued, in Unix milliseconds.
    pub(crate) queued_ms: u64,
    pub(crate) news: News,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum News {
    /// The event at the row's position came.
    Event {
        /// The actions of the rule, as JSON.
        actions: String,
    },
    /// The user read something.
    Read,
}

/// A pusher by name.
pub(crate) type PusherName = (OwnedUserId, PusherKey);

/// The oldest rows of a pusher.
pub(crate) async fn waiting(
    snapshot: &dyn Snapshot,
    (user_id, key): &PusherName,
) -> Result<Vec<(StreamPosition, QueueRow)>, PushError> {
    let (range, forward) = (QUEUE.prefix(&(user_id, *key)), Direction::Forward);
    let rows = QUEUE.scan(snapshot, &range, forward, PAGE_ROWS).await?;
    Ok(rows.into_iter().map(|((_, _, position), row)| (position, row)).collect())
}

/// Deletes rows that need not be told any more.
pub(crate) async fn done(
    store: &Store,
    (user_id, key): &PusherName,
    positions: impl IntoIterator<Item = StreamPosition>,
) -> Result<(), PushError> {
    let mut batch = Batch::new();
    for position in positions {
        QUEUE.delete(&mut batch, &(user_id, *key, position));
    }
    store.commit(batch).await?;
    Ok(())
}

/// Every pusher for which something waits: one seek each.
pub(crate) async fn with_something_waiting(
    snapshot: &dyn Snapshot,
) -> Result<Vec<PusherName>, PushError> {
    let (mut range, mut names) = (QUEUE.all(), Vec::new());
    loop {
        let first = QUEUE.scan(snapshot, &range, Direction::Forward, 1).await?;
        let Some(((user_id, key, _), _)) = first.into_iter().next() else {
            return Ok(names);
        };
        range.start = QUEUE.prefix(&(&user_id, key)).end;
        names.push((user_id, key));
    }
}

/// Queues something for a pusher.
pub(crate) fn put(
    batch: &mut Batch,
    user_id: &UserId,
    key: PusherKey,
    position: StreamPosition,
    row: &QueueRow,
) -> Result<(), PushError> {
    Ok(QUEUE.put(batch, &(user_id, key, position), row)?)
}
