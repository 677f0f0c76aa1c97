//! What kind of room it is, in indexes of their own: clients filter long lists of rooms by it, and
//! no list reads the state of each of its rooms.

use hearth_base::RoomNid;
use hearth_rules::Pdu;
use hearth_store::{Batch, Snapshot, StoreError};
use ruma::room::RoomType;
use serde::Deserialize;

use crate::{
    Rooms, RoomsError,
    tables::{ENCRYPTED, ROOM_TYPES},
};

/// What a room is filtered by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomKind {
    /// The type that its creation says; `None` of ordinary rooms.
    pub room_type: Option<RoomType>,
    /// Whether it was ever encrypted, which it then stays.
    pub encrypted: bool,
}

#[derive(Deserialize)]
struct CreateContent {
    #[serde(rename = "type", default)]
    room_type: Option<String>,
}

impl Rooms {
    /// The kinds of rooms, in the order of the rooms.
    ///
    /// # Errors
    /// The store failed.
    pub async fn kinds(
        &self,
        snapshot: &dyn Snapshot,
        rooms: &[RoomNid],
    ) -> Result<Vec<RoomKind>, RoomsError> {
        let types = ROOM_TYPES.get_many(snapshot, rooms.iter().map(|room| (*room,))).await?;
        let encrypted = ENCRYPTED.get_many(snapshot, rooms.iter().map(|room| (*room,))).await?;
        let kinds = types.into_iter().zip(encrypted).map(|(room_type, encrypted)| RoomKind {
            room_type: room_type.map(RoomType::from),
            encrypted: encrypted.is_some(),
        });
        Ok(kinds.collect())
    }
}

/// Writes what an event says of the kind of its room.
pub(crate) fn index(batch: &mut Batch, room: RoomNid, pdu: &Pdu) -> Result<(), StoreError> {
    if pdu.state_key() != Some("") {
        return Ok(());
    }
    match pdu.type_name() {
        "m.room.create" => {
            let content = pdu.content_as::<CreateContent>();
            match content.and_then(|content| content.room_type) {
                Some(room_type) => ROOM_TYPES.put(batch, &(room,), &room_type),
                None => Ok(()),
            }
        }
        "m.room.encryption" => ENCRYPTED.put(batch, &(room,), &()),
        _ => Ok(()),
    }
}
