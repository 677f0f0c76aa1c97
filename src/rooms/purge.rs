//! Purging: taking events away for good, a bounded batch at a time.
//!
//! Of a purged event a stub stays under its number, without content: facts of the log and indexes
//! of followers may name it still. It is in no timeline, thread or relation any more, and its id
//! is unknown. State and the end of a room are never purged. A purge goes through the room's head
//! like a group of events, so it never meets an event that is being decided.

use hearth_base::StreamPosition;
use hearth_base::limits::PURGE_EVENTS_MAX;
use hearth_rules::redact;
use hearth_store::{CommitError, Direction, Fact, Stamped};

use crate::{
    Event, Room, Rooms, RoomsError,
    decide::Group,
    event::StoredEvent,
    tables::{EVENT_NIDS, EVENTS, PURGED, TIMELINE},
};

impl Rooms {
    /// Purges the next events of a room that are older than `before_ms`, in Unix milliseconds, and
    /// says whether there may be more.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn purge_some(&self, room: &Room, before_ms: u64) -> Result<bool, RoomsError> {
        let mut group = Group::open(self, room).await?;
        let from = PURGED.get(group.snapshot.as_ref(), &(room.nid(),)).await?;
        let from = from.unwrap_or(StreamPosition::MIN);
        let (upto, forward) = (group.snapshot.position(), Direction::Forward);
        let snapshot = group.snapshot.clone();
        let events = self
            .timeline(snapshot.as_ref(), room.nid(), from, upto, forward, PURGE_EVENTS_MAX)
            .await?;
        let is_full = events.len() == PURGE_EVENTS_MAX;
        let mut reached = None;
        for event in &events {
            let is_end =
                group.tentative.head.extremities.iter().any(|id| id == event.pdu().event_id());
            if is_end || u64::from(event.pdu().origin_server_ts().get()) >= before_ms {
                return group.end_purge(reached).await.map(|()| false);
            }
            if !event.pdu().is_state() {
                group.purge(event).await?;
            }
            reached = Some(event.position());
        }
        group.end_purge(reached).await.map(|()| is_full)
    }
}

impl Group<'_> {
    /// Takes an event away, but for its stub.
    async fn purge(&mut self, event: &Event) -> Result<(), RoomsError> {
        let stub = redact(event.pdu(), self.room.rules(), None)?;
        let row = StoredEvent { json: stub.json().to_owned(), origin: None, ..event.to_stored() };
        let row = Stamped { position: event.position(), value: row };
        let mut batch = std::mem::take(self.batch());
        EVENTS.rewrite(&mut batch, &(event.nid(),), &row)?;
        EVENT_NIDS.delete(&mut batch, &(event.pdu().event_id(),));
        TIMELINE.delete(&mut batch, &(self.room.nid(), event.position()));
        batch.fact(Fact::Redacted { room: self.room.nid(), event: event.nid() });
        self.tentative.redacted.insert(event.nid());
        let unindexed = self.unindex_relation(&mut batch, event).await;
        *self.batch() = batch;
        unindexed
    }

    /// Commits what was purged, and remembers how far that is. A room that changed meanwhile is
    /// left for the next time.
    async fn end_purge(mut self, reached: Option<StreamPosition>) -> Result<(), RoomsError> {
        let Some(reached) = reached else {
            return Ok(());
        };
        let room = self.room.nid();
        PURGED.put(self.batch(), &(room,), &reached)?;
        match self.commit().await {
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
