//! What never changes of a room.

use std::sync::Arc;

use hearth_base::RoomNid;
use hearth_store::Snapshot;
use ruma::{OwnedRoomId, RoomId, RoomVersionId, room_version_rules::RoomVersionRules};
use serde::{Deserialize, Serialize};

use crate::{
    Rooms, RoomsError,
    tables::{ROOM_NIDS, ROOMS},
};

/// The row of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRow {
    /// Its id.
    pub room_id: OwnedRoomId,
    /// Its version, as text.
    pub version: String,
}

/// A room by name: id, number, version. Clones share everything.
#[derive(Clone, Debug)]
pub struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    nid: RoomNid,
    room_id: OwnedRoomId,
    version: RoomVersionId,
    rules: &'static RoomVersionRules,
}

impl Room {
    pub(crate) fn new(
        nid: RoomNid,
        room_id: OwnedRoomId,
        version: RoomVersionId,
    ) -> Result<Self, RoomsError> {
        let rules = hearth_rules::rules_of(&version)
            .ok_or_else(|| RoomsError::UnsupportedVersion(version.clone()))?;
        Ok(Self(Arc::new(Inner { nid, room_id, version, rules })))
    }

    /// Its number.
    #[must_use]
    pub fn nid(&self) -> RoomNid {
        self.0.nid
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &RoomId {
        &self.0.room_id
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &RoomVersionId {
        &self.0.version
    }

    /// What its version says.
    #[must_use]
    pub fn rules(&self) -> &'static RoomVersionRules {
        self.0.rules
    }
}

impl Rooms {
    /// The room with this id, if this server knows it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn room(&self, room_id: &RoomId) -> Result<Option<Room>, RoomsError> {
        if let Some(room) = self.room_cache().get(room_id) {
            return Ok(Some(room));
        }
        let snapshot = self.store().snapshot().await?;
        match ROOM_NIDS.get(snapshot.as_ref(), &(room_id,)).await? {
            Some(nid) => self.room_by_nid(snapshot.as_ref(), nid).await.map(Some),
            None => Ok(None),
        }
    }

    /// As [`Rooms::room`], where the room has to exist.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if it does not, or the store failed.
    pub async fn existing_room(&self, room_id: &RoomId) -> Result<Room, RoomsError> {
        self.room(room_id).await?.ok_or(RoomsError::NotFound("room"))
    }

    /// The room with this number.
    ///
    /// # Errors
    /// The store failed, or the number is not that of a room.
    pub async fn room_by_nid(
        &self,
        snapshot: &dyn Snapshot,
        nid: RoomNid,
    ) -> Result<Room, RoomsError> {
        if let Some(room) = self.room_nid_cache().get(&nid) {
            return Ok(room);
        }
        let row = ROOMS
            .get(snapshot, &(nid,))
            .await?
            .ok_or_else(|| RoomsError::Corrupt(format!("there is no room number {}", nid.0)))?;
        let version = RoomVersionId::try_from(row.version.as_str())
            .map_err(|error| RoomsError::Corrupt(error.to_string()))?;
        let room = Room::new(nid, row.room_id, version)?;
        self.remember(&room);
        Ok(room)
    }
}
