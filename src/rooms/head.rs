//! The end of a room: what the next event is built on.

use hearth_base::RoomNid;
use hearth_statemap::StateRoot;
use hearth_store::Snapshot;
use ruma::OwnedEventId;
use serde::{Deserialize, Serialize};

use crate::{Rooms, RoomsError, tables::HEADS};

/// The end of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomHead {
    /// Grows by one with every group of events, so that two heads are never equal by chance.
    pub version: u64,
    /// The events that no event names as previous.
    pub extremities: Vec<OwnedEventId>,
    /// The depth of the deepest of them.
    pub depth: u64,
    /// The room's current state.
    pub state: StateRoot,
    /// How many users have joined.
    pub joined_members: u64,
    /// How many users are invited.
    pub invited_members: u64,
}

impl Rooms {
    /// The end of a room as of a snapshot.
    ///
    /// # Errors
    /// The store failed, or the room has no end.
    pub async fn head(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
    ) -> Result<RoomHead, RoomsError> {
        HEADS
            .get(snapshot, &(room,))
            .await?
            .ok_or_else(|| RoomsError::Corrupt(format!("room number {} has no head", room.0)))
    }

    /// The ends of rooms as of a snapshot, in the order of the rooms.
    ///
    /// # Errors
    /// The store failed, or a room has no end.
    pub async fn heads(
        &self,
        snapshot: &dyn Snapshot,
        rooms: &[RoomNid],
    ) -> Result<Vec<RoomHead>, RoomsError> {
        let heads = HEADS.get_many(snapshot, rooms.iter().map(|room| (*room,))).await?;
        let none = || RoomsError::Corrupt("a room has no head".to_owned());
        heads.into_iter().map(|head| head.ok_or_else(none)).collect()
    }
}
