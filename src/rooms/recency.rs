//! The last message of each room, for lists of rooms by it.
//!
//! Deliberately absent: what was written before this index was. A room that has been quiet since
//! shows no last message; its place in a list is that of its last event.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rules::Pdu;
use hearth_store::{Batch, Pending, Snapshot};

use crate::{
    Rooms, RoomsError,
    relation::{RelatesTo, RelationKind},
    tables::{LAST_EVENTS, LAST_MESSAGES},
};

/// The types of events that people mean when they say message.
const MESSAGES: [&str; 4] = ["m.room.message", "m.room.encrypted", "m.sticker", "m.poll.start"];

/// When something was said last in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSaid {
    /// The place of the room in a list.
    pub position: StreamPosition,
    /// The last message, if it is known.
    pub message: Option<EventNid>,
}

/// Notes a message; an edit is none.
pub(crate) fn index(
    batch: &mut Batch,
    room: RoomNid,
    pending: Pending,
    nid: EventNid,
    pdu: &Pdu,
) -> Result<(), RoomsError> {
    let is_edit =
        || RelatesTo::of(pdu).is_some_and(|relates| relates.kind() == RelationKind::Replacement);
    if !pdu.is_state() && MESSAGES.contains(&pdu.type_name()) && !is_edit() {
        LAST_MESSAGES.put(batch, &(room,), pending, &nid)?;
    }
    Ok(())
}

impl Rooms {
    /// When something was said last in rooms, in the order of the rooms.
    ///
    /// # Errors
    /// The store failed.
    pub async fn last_said(
        &self,
        snapshot: &dyn Snapshot,
        rooms: &[RoomNid],
    ) -> Result<Vec<LastSaid>, RoomsError> {
        let keys = || rooms.iter().map(|room| (*room,));
        let messages = LAST_MESSAGES.get_many(snapshot, keys()).await?;
        let events = LAST_EVENTS.get_many(snapshot, keys()).await?;
        let both = messages.into_iter().zip(events);
        Ok(both
            .map(|(message, event)| match message {
                Some(message) => {
                    LastSaid { position: message.position, message: Some(message.value) }
                }
                None => LastSaid {
                    position: event.map_or(StreamPosition::ZERO, |event| event.position),
                    message: None,
                },
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{message, public_room, relating, rooms, user};

    #[tokio::test]
    async fn edits_and_state_are_no_messages() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let last = async || {
            let snapshot = rooms.snapshot().await.unwrap();
            rooms.last_said(snapshot.as_ref(), &[room.nid()]).await.unwrap()[0]
        };
        assert_eq!(last().await.message, None);
        let sent = rooms.send(&room, message(&alice, "1")).await.unwrap();
        rooms.send(&room, relating(&alice, "m.replace", &sent.event_id)).await.unwrap();
        assert_eq!(last().await.message, Some(sent.nid));
        assert_eq!(Some(last().await.position), sent.position);
        let reply = rooms.send(&room, relating(&alice, "m.thread", &sent.event_id)).await.unwrap();
        assert_eq!(last().await.message, Some(reply.nid));
    }
}
