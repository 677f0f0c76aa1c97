//! Events as they are stored, and as the rest of the server handles them.

use std::{collections::HashMap, sync::Arc};

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rules::Pdu;
use hearth_statemap::StateRoot;
use hearth_store::{Snapshot, Stamped};
use ruma::{EventId, OwnedDeviceId, OwnedEventId, OwnedTransactionId};
use serde::{Deserialize, Serialize};

use crate::{
    Rooms, RoomsError,
    tables::{EVENT_NIDS, EVENTS},
};

/// The row of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// The room it is in.
    pub room: RoomNid,
    /// Its id, which is not part of its JSON.
    pub event_id: OwnedEventId,
    /// The room's state before the event.
    pub state_before: StateRoot,
    /// The room's state after it, if it is a state event.
    pub state_after: Option<StateRoot>,
    /// The redaction that took its content away.
    pub redacted_by: Option<EventNid>,
    /// The request that made it, if a device of this server did.
    pub origin: Option<Origin>,
    /// The PDU as canonical JSON.
    pub json: String,
}

/// Which request made an event: only that device is told its transaction id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The device of the event's sender.
    pub device_id: OwnedDeviceId,
    /// What the device called the request.
    pub transaction_id: OwnedTransactionId,
}

/// An event with everything that this server knows of it. Clones share everything.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    nid: EventNid,
    position: StreamPosition,
    pdu: Pdu,
    room: RoomNid,
    state_before: StateRoot,
    state_after: Option<StateRoot>,
    redacted_by: Option<EventNid>,
    origin: Option<Origin>,
}

impl Event {
    pub(crate) fn new(
        nid: EventNid,
        position: StreamPosition,
        pdu: Pdu,
        row: StoredEventHeader,
    ) -> Self {
        let StoredEventHeader { room, state_before, state_after, redacted_by, origin } = row;
        Self(Arc::new(Inner {
            nid,
            position,
            pdu,
            room,
            state_before,
            state_after,
            redacted_by,
            origin,
        }))
    }

    /// The same event at the position where it was committed.
    pub(crate) fn at(&self, position: StreamPosition) -> Self {
        let Inner {
            nid, ref pdu, room, state_before, state_after, redacted_by, ref origin, ..
        } = *self.0;
        Self(Arc::new(Inner {
            nid,
            position,
            pdu: pdu.clone(),
            room,
            state_before,
            state_after,
            redacted_by,
            origin: origin.clone(),
        }))
    }

    /// The row that stores the event.
    pub(crate) fn to_stored(&self) -> StoredEvent {
        StoredEvent {
            room: self.0.room,
            event_id: self.0.pdu.event_id().to_owned(),
            state_before: self.0.state_before,
            state_after: self.0.state_after,
            redacted_by: self.0.redacted_by,
            origin: self.0.origin.clone(),
            json: self.0.pdu.json().to_owned(),
        }
    }

    /// Its number.
    #[must_use]
    pub fn nid(&self) -> EventNid {
        self.0.nid
    }

    /// The position at which it came.
    #[must_use]
    pub fn position(&self) -> StreamPosition {
        self.0.position
    }

    /// The event itself.
    #[must_use]
    pub fn pdu(&self) -> &Pdu {
        &self.0.pdu
    }

    /// The room it is in.
    #[must_use]
    pub fn room(&self) -> RoomNid {
        self.0.room
    }

    /// The room's state before it.
    #[must_use]
    pub fn state_before(&self) -> StateRoot {
        self.0.state_before
    }

    /// The room's state after it.
    #[must_use]
    pub fn state_after(&self) -> StateRoot {
        self.0.state_after.unwrap_or(self.0.state_before)
    }

    /// The redaction that took its content away.
    #[must_use]
    pub fn redacted_by(&self) -> Option<EventNid> {
        self.0.redacted_by
    }

    /// The request that made it, if a device of this server did.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }
}

/// A [`StoredEvent`] without what the PDU knows itself.
pub struct StoredEventHeader {
    pub room: RoomNid,
    pub state_before: StateRoot,
    pub state_after: Option<StateRoot>,
    pub redacted_by: Option<EventNid>,
    pub origin: Option<Origin>,
}

impl Rooms {
    /// The event with this number.
    ///
    /// # Errors
    /// The store failed, or the number is not that of an event.
    pub async fn event(&self, snapshot: &dyn Snapshot, nid: EventNid) -> Result<Event, RoomsError> {
        let mut found = self.events(snapshot, &[nid]).await?;
        found.pop().ok_or_else(|| missing(nid))
    }

    /// The events with these numbers, in their order.
    ///
    /// # Errors
    /// The store failed, or a number is not that of an event.
    pub async fn events(
        &self,
        snapshot: &dyn Snapshot,
        nids: &[EventNid],
    ) -> Result<Vec<Event>, RoomsError> {
        let cached: Vec<_> = nids.iter().map(|nid| self.event_cache().get(*nid)).collect();
        let absent: Vec<_> = nids
            .iter()
            .zip(&cached)
            .filter_map(|(nid, event)| event.is_none().then_some(*nid))
            .collect();
        let rows = EVENTS.get_many(snapshot, absent.iter().map(|nid| (*nid,))).await?;
        let mut loaded = HashMap::with_capacity(absent.len());
        for (nid, row) in absent.into_iter().zip(rows) {
            let event = self.parse(snapshot, nid, row.ok_or_else(|| missing(nid))?).await?;
            self.event_cache().insert_read(snapshot.position(), &event);
            loaded.insert(nid, event);
        }
        nids.iter()
            .zip(cached)
            .map(|(nid, event)| {
                event.or_else(|| loaded.get(nid).cloned()).ok_or_else(|| missing(*nid))
            })
            .collect()
    }

    /// The event with this id, whatever room it is in.
    ///
    /// # Errors
    /// The store failed.
    pub async fn event_by_id(
        &self,
        snapshot: &dyn Snapshot,
        event_id: &EventId,
    ) -> Result<Option<Event>, RoomsError> {
        match EVENT_NIDS.get(snapshot, &(event_id,)).await? {
            Some(nid) => self.event(snapshot, nid).await.map(Some),
            None => Ok(None),
        }
    }

    /// The event with this id in this room.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if the room does not have it, or the store failed.
    pub async fn event_in_room(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        event_id: &EventId,
    ) -> Result<Event, RoomsError> {
        let event = self.event_by_id(snapshot, event_id).await?;
        event.filter(|event| event.room() == room).ok_or(RoomsError::NotFound("event"))
    }

    async fn parse(
        &self,
        snapshot: &dyn Snapshot,
        nid: EventNid,
        row: Stamped<StoredEvent>,
    ) -> Result<Event, RoomsError> {
        let Stamped { position, value } = row;
        let room = self.room_by_nid(snapshot, value.room).await?;
        let (id, json) = (value.event_id, value.json);
        let pdu = Pdu::from_stored(id, room.id().to_owned(), room.rules(), json.as_bytes())?;
        let header = StoredEventHeader {
            room: value.room,
            state_before: value.state_before,
            state_after: value.state_after,
            redacted_by: value.redacted_by,
            origin: value.origin,
        };
        Ok(Event::new(nid, position, pdu, header))
    }
}

fn missing(nid: EventNid) -> RoomsError {
    RoomsError::Corrupt(format!("there is no event number {}", nid.0))
}
