//! Delayed events: what a user wants to be sent later, unless something happens before (MSC4140).
//!
//! A delayed event is a row until it is sent, cancelled or refused, and for a while after that, so
//! that a repeated request learns what came of it. Every change compares the row that it replaces:
//! sending writes the event and the end of the row in one batch, so an event is sent once or
//! cancelled, never both. Who acts when the time has come is in [`crate::delayed_sender`].

use std::time::Duration;

use hearth_base::{
    RoomNid,
    limits::{
        DELAYED_EVENT_DELAY_MS_MAX, DELAYED_EVENTS_FINISHED_MAX, DELAYED_EVENTS_MAX, PDU_BYTES_MAX,
    },
};
use hearth_store::{Batch, CommitError, Snapshot, StoreError};
use ruma::{CanonicalJsonObject, OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    EventRequest, Manner, Room, Rooms, RoomsError, Transaction,
    event::Origin,
    tables::{DELAYED_EVENTS, DELAYED_OF_USERS, DELAYED_REQUESTS, DELAYED_STATE, DELAYED_TIMES},
};

/// How often a change is decided again when another request was faster.
const CONFLICT_RETRIES_MAX: usize = 8;
/// Characters of the id of a delayed event, about 6 random bits each: whoever knows the id may
/// act on the event.
const DELAY_ID_LENGTH: usize = 32;
/// How long it is remembered what came of a delayed event, in milliseconds.
const FINISHED_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// An event that is to be sent later, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayedEvent {
    /// Who sends it.
    pub sender: OwnedUserId,
    /// The room that it goes to.
    pub room_id: OwnedRoomId,
    /// The number of that room.
    pub room: RoomNid,
    /// Its type.
    pub event_type: String,
    /// Its state key, if it is a state event.
    pub state_key: Option<String>,
    /// Its content as the client gave it.
    pub content: String,
    /// The event that a redaction names.
    pub redacts: Option<OwnedEventId>,
    /// For how long it is sticky once it is sent, in milliseconds.
    pub sticky_ms: Option<u32>,
    /// The request that made it.
    pub origin: Option<Origin>,
    /// How long it waits, in milliseconds.
    pub delay_ms: u64,
    /// Since when it waits, in Unix milliseconds.
    pub running_since_ms: u64,
    /// What came of it; `None` while it waits.
    pub finished: Option<Finished>,
}

/// The end of a delayed event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// How.
    pub outcome: DelayedOutcome,
}

/// What came of a delayed event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DelayedOutcome {
    /// It was sent as this event.
    Sent(OwnedEventId),
    /// Its user, or state that somebody else set, cancelled it.
    Cancelled,
    /// The room did not take it.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// What is done with a delayed event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayedAction {
    /// It is sent now.
    Send,
    /// It is never sent.
    Cancel,
    /// It waits from now on.
    Restart,
}

impl DelayedEvent {
    /// When something has to be done: it is sent, or what came of it is forgotten.
    pub(crate) fn due_ms(&self) -> u64 {
        match &self.finished {
            None => self.running_since_ms.saturating_add(self.delay_ms),
            Some(finished) => finished.at_ms.saturating_add(FINISHED_LIFETIME_MS),
        }
    }

    pub(crate) fn finished(&self, at_ms: u64, outcome: DelayedOutcome) -> Self {
        Self { finished: Some(Finished { at_ms, outcome }), ..self.clone() }
    }
}

/// Writes the change of a row and of its indexes; the batch is a conflict if the row is another.
///
/// # Errors
/// A row cannot be encoded.
pub(crate) fn write(
    batch: &mut Batch,
    id: &str,
    before: Option<&DelayedEvent>,
    after: Option<&DelayedEvent>,
) -> Result<(), StoreError> {
    DELAYED_EVENTS.replace(batch, &(id,), before, after)?;
    if let Some(before) = before {
        DELAYED_TIMES.delete(batch, &(before.due_ms(), id));
        if let Some(state_key) = &before.state_key {
            let key = (before.room, &*before.event_type, &**state_key, id);
            DELAYED_STATE.delete(batch, &key);
        }
        DELAYED_OF_USERS.delete(batch, &(&*before.sender, id));
    }
    if let Some(after) = after {
        DELAYED_TIMES.put(batch, &(after.due_ms(), id), &())?;
        DELAYED_OF_USERS.put(batch, &(&*after.sender, id), &())?;
        if let (Some(state_key), None) = (&after.state_key, &after.finished) {
            let key = (after.room, &*after.event_type, &**state_key, id);
            DELAYED_STATE.put(batch, &key, &after.sender)?;
        }
    }
    Ok(())
}

impl Rooms {
    /// Has an event sent after `delay`, and returns the id under which that can be changed. A
    /// transaction that comes again makes no second one.
    ///
    /// # Errors
    /// [`RoomsError::Forbidden`] if the sender has not joined the room,
    /// [`RoomsError::DelayTooLong`], [`RoomsError::TooManyDelayed`], [`RoomsError::BadJson`] or
    /// [`RoomsError::TooLarge`] because of the content, or the store failed. Whether the room
    /// allows the event is asked when it is sent.
    pub async fn delay(
        &self,
        room: &Room,
        request: EventRequest,
        manner: &Manner,
        delay: Duration,
    ) -> Result<String, RoomsError> {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        if delay_ms > DELAYED_EVENT_DELAY_MS_MAX {
            return Err(RoomsError::DelayTooLong);
        }
        check_content(request.content.get())?;
        let event = DelayedEvent {
            room_id: room.id().to_owned(),
            room: room.nid(),
            event_type: request.event_type.to_string(),
            state_key: request.state_key,
            content: request.content.get().to_owned(),
            redacts: request.redacts,
            sticky_ms: manner.sticky_ms,
            origin: request.transaction.as_ref().map(Transaction::origin),
            delay_ms,
            running_since_ms: self.clock().now_ms(),
            finished: None,
            sender: request.sender,
        };
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.snapshot().await?;
            if let Some(known) =
                known(snapshot.as_ref(), &event.sender, request.transaction.as_ref()).await?
            {
                return Ok(known);
            }
            if !self.is_joined(snapshot.as_ref(), room.nid(), &event.sender).await? {
                return Err(RoomsError::Forbidden("you are not in this room".to_owned()));
            }
            let mut batch = Batch::new();
            self.make_place(snapshot.as_ref(), &mut batch, &event.sender).await?;
            let id = self.random().alphanumeric(DELAY_ID_LENGTH);
            write(&mut batch, &id, None, Some(&event))?;
            if let Some(transaction) = &request.transaction {
                let key = transaction.key(&event.sender);
                DELAYED_REQUESTS.insert(&mut batch, &key, &id)?;
            }
            if self.try_commit(batch).await? {
                self.delayed_changed().notify_one();
                return Ok(id);
            }
        }
        Err(RoomsError::Busy)
    }

    /// The delayed events of a user that wait, the one that is due first comes first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delayed_events(
        &self,
        user_id: &UserId,
    ) -> Result<Vec<(String, DelayedEvent)>, RoomsError> {
        let snapshot = self.snapshot().await?;
        let mut events = delayed_of(snapshot.as_ref(), user_id).await?;
        events.retain(|(_, event)| event.finished.is_none());
        events.sort_by_key(|(_, event)| event.due_ms());
        Ok(events)
    }

    /// A delayed event, also one that is finished; `None` if there is none under this id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delayed_event(&self, id: &str) -> Result<Option<DelayedEvent>, RoomsError> {
        let snapshot = self.snapshot().await?;
        Ok(DELAYED_EVENTS.get(snapshot.as_ref(), &(id,)).await?)
    }

    /// Changes a delayed event. What has come about already is a success.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if there is none under this id, [`RoomsError::DelayedFinished`] if
    /// something else came of it; for [`DelayedAction::Send`] what [`Rooms::send`] refuses, and
    /// then it goes on waiting.
    pub async fn change_delayed(&self, id: &str, action: DelayedAction) -> Result<(), RoomsError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let event = self.delayed_event(id).await?;
            let event = event.ok_or(RoomsError::NotFound("delayed event"))?;
            if let Some(finished) = &event.finished {
                return match (&finished.outcome, action) {
                    (DelayedOutcome::Sent(_), DelayedAction::Send)
                    | (
                        DelayedOutcome::Cancelled | DelayedOutcome::Refused { .. },
                        DelayedAction::Cancel,
                    ) => Ok(()),
                    _ => Err(RoomsError::DelayedFinished),
                };
            }
            let now_ms = self.clock().now_ms();
            let after = match action {
                DelayedAction::Send => match self.send_delayed(id, &event).await {
                    // Somebody was faster: with what, the next look tells.
                    Err(RoomsError::DelayedFinished) => continue,
                    sent => return sent,
                },
                DelayedAction::Cancel => event.finished(now_ms, DelayedOutcome::Cancelled),
                DelayedAction::Restart => {
                    DelayedEvent { running_since_ms: now_ms, ..event.clone() }
                }
            };
            if self.replace_delayed(id, &event, Some(&after)).await? {
                self.delayed_changed().notify_one();
                return Ok(());
            }
        }
        Err(RoomsError::Busy)
    }

    /// Replaces the row of a delayed event; `false` if it is another by now.
    pub(crate) async fn replace_delayed(
        &self,
        id: &str,
        before: &DelayedEvent,
        after: Option<&DelayedEvent>,
    ) -> Result<bool, RoomsError> {
        let mut batch = Batch::new();
        write(&mut batch, id, Some(before), after)?;
        self.try_commit(batch).await
    }

    async fn try_commit(&self, batch: Batch) -> Result<bool, RoomsError> {
        match self.store().commit(batch).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Refuses one more delayed event of a user who has very many, and forgets the oldest of those
    /// that are finished.
    async fn make_place(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user_id: &UserId,
    ) -> Result<(), RoomsError> {
        let events = delayed_of(snapshot, user_id).await?;
        let (mut finished, waiting): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|(_, event)| event.finished.is_some());
        if waiting.len() >= DELAYED_EVENTS_MAX {
            let first = waiting.iter().map(|(_, event)| event.due_ms()).min().unwrap_or_default();
            let retry_after_ms = first.saturating_sub(self.clock().now_ms()).max(1);
            return Err(RoomsError::TooManyDelayed { retry_after_ms });
        }
        finished.sort_by_key(|(_, event)| event.due_ms());
        let surplus = (finished.len() + 1).saturating_sub(DELAYED_EVENTS_FINISHED_MAX);
        for (id, event) in finished.iter().take(surplus) {
            write(batch, id, Some(event), None)?;
        }
        Ok(())
    }
}

/// The delayed event that the same request made before.
async fn known(
    snapshot: &dyn Snapshot,
    user_id: &UserId,
    transaction: Option<&Transaction>,
) -> Result<Option<String>, RoomsError> {
    match transaction {
        Some(transaction) => Ok(DELAYED_REQUESTS.get(snapshot, &transaction.key(user_id)).await?),
        None => Ok(None),
    }
}

/// All delayed events of a user, finished ones too.
async fn delayed_of(
    snapshot: &dyn Snapshot,
    user_id: &UserId,
) -> Result<Vec<(String, DelayedEvent)>, RoomsError> {
    let rows = DELAYED_OF_USERS.scan_all(snapshot, &DELAYED_OF_USERS.prefix(&(user_id,))).await?;
    let ids: Vec<_> = rows.into_iter().map(|((_, id), ())| id).collect();
    let events = DELAYED_EVENTS.get_many(snapshot, ids.iter().map(|id| (id.as_str(),))).await?;
    Ok(ids.into_iter().zip(events).filter_map(|(id, event)| Some((id, event?))).collect())
}

/// What can be said of a content before its time has come.
fn check_content(content: &str) -> Result<(), RoomsError> {
    if content.len() >= PDU_BYTES_MAX {
        return Err(RoomsError::TooLarge("the content is too large for an event".to_owned()));
    }
    serde_json::from_str::<CanonicalJsonObject>(content)
        .map(|_| ())
        .map_err(|error| RoomsError::BadJson(error.to_string()))
}
