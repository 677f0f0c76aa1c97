//! Redactions: who may, and what becomes of the event.

use std::collections::HashMap;

use hearth_rules::{Pdu, PowerLevels, redact, redaction_allowed};
use hearth_store::{Batch, Fact, Stamped};
use ruma::events::{StateEventType, TimelineEventType};

use crate::{
    Event, RoomsError, decide::Group, event::StoredEvent, tables::EVENTS, writer::EventRequest,
};

impl Group<'_> {
    /// The event that a redaction names; it must be in the room.
    pub(crate) async fn redaction_target(
        &self,
        request: &EventRequest,
    ) -> Result<Option<Event>, RoomsError> {
        if request.event_type != TimelineEventType::RoomRedaction {
            return Ok(None);
        }
        let Some(event_id) = &request.redacts else {
            return Ok(None);
        };
        if let Some(nid) = self.tentative.event_nids.get(event_id) {
            return self.event(*nid).await.map(Some);
        }
        let snapshot = self.snapshot.as_ref();
        self.rooms.event_in_room(snapshot, self.room.nid(), event_id).await.map(Some)
    }

    /// Whether the sender may redact the event: their own, or with the level to redact any.
    pub(crate) fn check_redaction(
        &self,
        redaction: &Pdu,
        target: &Event,
        auth: &HashMap<(StateEventType, String), Event>,
    ) -> Result<(), RoomsError> {
        let state = |event_type| auth.get(&(event_type, String::new())).map(Event::pdu);
        let create = state(StateEventType::RoomCreate);
        let levels = state(StateEventType::RoomPowerLevels);
        let levels = PowerLevels::new(create, levels, self.room.rules())?;
        if redaction_allowed(&levels, redaction.sender(), target.pdu().sender()) {
            Ok(())
        } else {
            Err(RoomsError::Forbidden("you may redact only your own events here".to_owned()))
        }
    }

    /// Rewrites the target without its content.
    pub(crate) async fn redact(
        &mut self,
        batch: &mut Batch,
        redaction: &Event,
        target: &Event,
    ) -> Result<(), RoomsError> {
        if target.redacted_by().is_some() {
            return Ok(());
        }
        let pdu = redact(target.pdu(), self.room.rules(), Some(redaction.pdu()))?;
        let row = StoredEvent {
            json: pdu.json().to_owned(),
            redacted_by: Some(redaction.nid()),
            ..target.to_stored()
        };
        match self.tentative.events.get(&target.nid()) {
            Some(new) => EVENTS.put(batch, &(target.nid(),), new.pending, &row)?,
            None => {
                let row = Stamped { position: target.position(), value: row };
                EVENTS.rewrite(batch, &(target.nid(),), &row)?;
            }
        }
        batch.fact(Fact::Redacted { room: self.room.nid(), event: target.nid() });
        self.tentative.redacted.insert(target.nid());
        self.unindex_relation(batch, target).await
    }
}
