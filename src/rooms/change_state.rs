//! Changing part of a state event without losing what somebody else changed at the same time.
//!
//! A state event replaces its predecessor whole. Whoever changes one level or one pin reads,
//! changes and sends; the writer refuses if the event that was read is not the present one any
//! more.

use hearth_base::{EventNid, limits::ROOM_CONFLICT_RETRIES_MAX};
use ruma::{UserId, events::StateEventType};
use serde_json::{Map, Value};

use crate::{
    EventRequest, Manner, Room, Rooms, RoomsError, Sent, decide::Group, new_room::state_event,
};

/// The state event that a new one is made from; none if there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MadeFrom(Option<EventNid>);

impl Rooms {
    /// Sends a state event that is made from the present one by `change`, which gets the present
    /// content, empty if there is none, and may be called more than once.
    ///
    /// # Errors
    /// What `change` refuses with, as [`Rooms::send`], or [`RoomsError::Busy`] if others change the
    /// same again and again.
    pub async fn change_state(
        &self,
        room: &Room,
        sender: &UserId,
        event_type: StateEventType,
        state_key: &str,
        change: impl Fn(&mut Map<String, Value>) -> Result<(), RoomsError> + Send + Sync,
    ) -> Result<Sent, RoomsError> {
        for _ in 0..ROOM_CONFLICT_RETRIES_MAX {
            let snapshot = self.snapshot().await?;
            let snapshot = snapshot.as_ref();
            let (nid, state) = (room.nid(), self.head(snapshot, room.nid()).await?.state);
            let present =
                self.state_event(snapshot, nid, state, event_type.clone(), state_key).await?;
            let content = present.as_ref().and_then(|event| event.pdu().content_as());
            let mut content: Map<String, Value> = content.unwrap_or_default();
            change(&mut content)?;
            let kind = event_type.to_string();
            let request = state_event(sender, &kind, state_key, &Value::Object(content))?;
            let made_from = MadeFrom(present.map(|event| event.nid()));
            let manner = Manner { made_from: Some(made_from), ..Manner::default() };
            match self.send_in(room, request, manner).await {
                Err(RoomsError::Busy) => {}
                done => return done,
            }
        }
        Err(RoomsError::Busy)
    }
}

impl Group<'_> {
    /// Refuses an event that was made from another one than that which it would replace.
    pub(crate) async fn check_made_from(
        &self,
        request: &EventRequest,
        manner: &Manner,
    ) -> Result<(), RoomsError> {
        let (Some(made_from), Some(state_key)) = (manner.made_from, &request.state_key) else {
            return Ok(());
        };
        let wanted = [(request.event_type.to_string().into(), state_key.clone())];
        let present = self.current_state(&wanted).await?.into_iter().next().flatten();
        if MadeFrom(present.map(|event| event.nid())) == made_from {
            Ok(())
        } else {
            Err(RoomsError::Busy)
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::testing::{public_room, rooms, user};

    #[tokio::test]
    async fn nothing_is_lost_when_many_change_the_same() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let pins = StateEventType::RoomPinnedEvents;
        let change = |number: usize| {
            rooms.change_state(&room, &alice, pins.clone(), "", move |content| {
                content.insert(format!("key{number}"), number.into());
                Ok(())
            })
        };
        for done in join_all((0..ROOM_CONFLICT_RETRIES_MAX).map(change)).await {
            done.unwrap();
        }
        let snapshot = rooms.snapshot().await.unwrap();
        let head = rooms.head(snapshot.as_ref(), room.nid()).await.unwrap();
        let event = rooms.state_event(snapshot.as_ref(), room.nid(), head.state, pins, "").await;
        let content: Map<String, Value> = event.unwrap().unwrap().pdu().content_as().unwrap();
        assert_eq!(content.len(), ROOM_CONFLICT_RETRIES_MAX);
    }
}
