//! Sticky events: clients get them for a while whatever the limit of their timeline (MSC4354).
//!
//! An index has the sticky events of a room by position, with the time at which each ends. Whoever
//! has joined may see them, whatever the history visibility says. Rows that have ended are removed
//! when the next sticky event comes.

use hearth_base::{RoomNid, StreamPosition, limits::STICKY_EVENTS_MAX};
use hearth_store::{Batch, Direction, Pending, Snapshot, StoreError};

use crate::{Event, Rooms, RoomsError, decide::Group, tables::STICKY};

/// Most rows that have ended that one new sticky event removes.
const ENDED_REMOVED_MAX: usize = 100;

/// Enters an event that is sticky.
///
/// # Errors
/// A row cannot be encoded.
pub(crate) fn index_sticky(
    batch: &mut Batch,
    room: RoomNid,
    pending: Pending,
    event: &Event,
    received_ms: u64,
) -> Result<(), StoreError> {
    let Some(sticky_ms) = event.pdu().sticky_ms() else {
        return Ok(());
    };
    // A time in the future makes nothing sticky for longer.
    let start_ms = received_ms.min(event.pdu().origin_server_ts().get().into());
    STICKY.put(batch, &(room, pending), &start_ms.saturating_add(u64::from(sticky_ms)))
}

impl Group<'_> {
    /// Removes sticky events that have ended, the oldest first.
    pub(crate) async fn forget_ended(
        &self,
        batch: &mut Batch,
        event: &Event,
    ) -> Result<(), RoomsError> {
        if event.pdu().sticky_ms().is_none() {
            return Ok(());
        }
        let (room, now_ms) = (self.room.nid(), self.rooms.clock().now_ms());
        let (range, forward) = (STICKY.prefix(&(room,)), Direction::Forward);
        let rows = STICKY.scan(self.snapshot.as_ref(), &range, forward, ENDED_REMOVED_MAX).await?;
        for ((_, position), ends_ms) in rows {
            if ends_ms <= now_ms {
                STICKY.delete(batch, &(room, position));
            }
        }
        Ok(())
    }
}

impl Rooms {
    /// The events of a room that came after `after` and up to `upto` and are sticky now, in their
    /// order; of very many the latest.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sticky_events(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        after: StreamPosition,
        upto: StreamPosition,
    ) -> Result<Vec<Event>, RoomsError> {
        let range = STICKY.between(&(room, after.next()), &(room, upto.next()));
        let backward = Direction::Backward;
        let rows = STICKY.scan(snapshot, &range, backward, STICKY_EVENTS_MAX).await?;
        let now_ms = self.clock().now_ms();
        let mut events = Vec::new();
        for ((_, position), ends_ms) in rows.into_iter().rev() {
            if ends_ms > now_ms {
                let before = position.previous();
                let found = self.timeline(snapshot, room, before, position, backward, 1).await?;
                // What was redacted since is sticky no longer.
                events.extend(found.into_iter().filter(|event| event.pdu().sticky_ms().is_some()));
            }
        }
        Ok(events)
    }
}
