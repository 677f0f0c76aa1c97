//! `/events`, the stream of before `/sync`: events one after another, of the user's rooms or of
//! one room that is only read.

use std::time::Duration;

use hearth_base::{StreamPosition, limits::SYNC_TIMEOUT_MS_MAX};
use hearth_rooms::{Event, Room, Side, Snapshot};
use hearth_store::Direction;
use ruma::{UserId, events::room::member::MembershipState};

use crate::{Sync, SyncError};

/// Most events of one answer.
const EVENTS_MAX: usize = 100;

/// What somebody listens to.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'a> {
    /// Who listens.
    pub user_id: &'a UserId,
    /// The one room; the caller has checked that the user may read it. `None` is all of the
    /// user's rooms.
    pub room: Option<&'a Room>,
    /// From where; `None` is from now on.
    pub from: Option<Side>,
    /// How long to wait for something.
    pub timeout: Duration,
}

/// What somebody heard.
pub struct Heard {
    /// Where it starts.
    pub start: Side,
    /// The events, the oldest first.
    pub events: Vec<Event>,
    /// Where to go on.
    pub end: Side,
}

impl Sync {
    /// Answers as soon as there is an event that the user may see, or after the timeout.
    ///
    /// # Errors
    /// The store failed.
    pub async fn listen(&self, listening: Listening<'_>) -> Result<Heard, SyncError> {
        let session = self.session(listening.user_id).await?;
        let timeout = listening.timeout.min(Duration::from_millis(SYNC_TIMEOUT_MS_MAX));
        let deadline = tokio::time::Instant::now() + timeout;
        // First watch, then read: a change in between wakes the next wait. A room that the user
        // is not in does not wake the session, so every commit does for it.
        let (mut wake, mut committed) = (session.watch(), self.store().position());
        let now = Side(self.store().snapshot().await?.position());
        let start = listening.from.unwrap_or(now);
        loop {
            wake.mark_unchanged();
            committed.mark_unchanged();
            let snapshot = self.store().snapshot().await?;
            let (events, end) = self.heard(snapshot.as_ref(), listening, start).await?;
            if !events.is_empty() || timeout.is_zero() || self.is_stopping() {
                return Ok(Heard { start, events, end });
            }
            let quiet = || Heard { start, events: Vec::new(), end };
            tokio::select! {
                changed = wake.changed() => if changed.is_err() { return Ok(quiet()) },
                changed = committed.changed(), if listening.room.is_some() => {
                    if changed.is_err() { return Ok(quiet()) }
                }
                () = tokio::time::sleep_until(deadline) => return Ok(quiet()),
                () = self.stopping() => return Ok(quiet()),
            }
        }
    }

    async fn heard(
        &self,
        snapshot: &dyn Snapshot,
        listening: Listening<'_>,
        start: Side,
    ) -> Result<(Vec<Event>, Side), SyncError> {
        let mut events = match listening.room {
            Some(room) => self.heard_in(snapshot, listening.user_id, room, start).await?,
            None => self.heard_everywhere(snapshot, listening.user_id, start).await?,
        };
        events.sort_by_key(Event::position);
        let is_whole = events.len() < EVENTS_MAX;
        events.truncate(EVENTS_MAX);
        let end = match events.last() {
            Some(last) if !is_whole => Side(last.position()),
            _ => Side(snapshot.position()),
        };
        Ok((events, end))
    }

    async fn heard_in(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        room: &Room,
        start: Side,
    ) -> Result<Vec<Event>, SyncError> {
        let rooms = self.rooms();
        let (forward, all) = (Direction::Forward, |_: &Event| true);
        let page = rooms.page(snapshot, room, user_id, start, None, forward, EVENTS_MAX, &all);
        Ok(page.await?.events)
    }

    /// What happened in the rooms that the user is in, and to the user in others.
    async fn heard_everywhere(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        start: Side,
    ) -> Result<Vec<Event>, SyncError> {
        let rooms = self.rooms();
        let memberships = rooms.memberships(snapshot, user_id).await?;
        let (mut events, mut joined) = (Vec::new(), Vec::new());
        for (nid, row) in memberships {
            if row.value.state == MembershipState::Join {
                joined.push(nid);
            } else if row.position > start.0 {
                events.push(rooms.event(snapshot, row.value.event).await?);
            }
        }
        let last: Vec<StreamPosition> = rooms.last_positions(snapshot, &joined).await?;
        for (nid, last) in joined.into_iter().zip(last) {
            if last > start.0 {
                let room = rooms.room_by_nid(snapshot, nid).await?;
                events.extend(self.heard_in(snapshot, user_id, &room, start).await?);
            }
        }
        Ok(events)
    }
}
