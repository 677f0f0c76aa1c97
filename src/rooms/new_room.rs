//! Making rooms from their first events: for creation and for upgrades.
//!
//! All events of a new room, its id, alias and directory entry are one batch: a room is there
//! whole or not at all.

use hearth_base::limits::ROOM_CONFLICT_RETRIES_MAX;
use hearth_rules::{Draft, build, rules_of};
use hearth_store::CommitError;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomVersionId, UInt,
    UserId, events::TimelineEventType,
};
use serde_json::{Value, value::to_raw_value};

use crate::{
    Manner, Room, Rooms, RoomsError,
    decide::Group,
    room::RoomRow,
    tables::{NOTICE_ROOMS, PUBLISHED, ROOM_NIDS, ROOMS},
    writer::EventRequest,
};

/// Length of the random part of room ids before room version 12.
const ROOM_ID_CHARACTERS: usize = 18;

/// A room that does not exist yet.
pub(crate) struct NewRoom {
    /// Who creates it.
    pub creator: OwnedUserId,
    /// Its version.
    pub version: RoomVersionId,
    /// Its first events, `m.room.create` before all others.
    pub events: Vec<EventRequest>,
    /// Whether it is listed in the directory.
    pub published: bool,
    /// Its alias on this server.
    pub alias: Option<OwnedRoomAliasId>,
    /// The user to whom the server will speak in it.
    pub notices_for: Option<OwnedUserId>,
}

/// A state event as a request.
///
/// # Errors
/// Never in practice: any JSON value can be written.
pub fn state_event(
    sender: &UserId,
    event_type: &str,
    state_key: &str,
    content: &Value,
) -> Result<EventRequest, RoomsError> {
    let content = to_raw_value(content).map_err(|error| RoomsError::BadJson(error.to_string()))?;
    Ok(EventRequest {
        sender: sender.to_owned(),
        event_type: TimelineEventType::from(event_type),
        state_key: Some(state_key.to_owned()),
        content,
        redacts: None,
        transaction: None,
        origin_server_ts: None,
    })
}

impl Rooms {
    /// Makes a room, and returns it.
    ///
    /// # Errors
    /// The version is unknown, the alias or the user's place is taken, an event is refused or too
    /// large, or the store failed: then there is no room.
    pub(crate) async fn make_room(&self, mut new: NewRoom) -> Result<Room, RoomsError> {
        for _ in 0..ROOM_CONFLICT_RETRIES_MAX {
            if let Some(create) = new.events.first_mut() {
                let time = UInt::new_saturating(self.creation_time_ms());
                create.origin_server_ts = Some(MilliSecondsSinceUnixEpoch(time));
            }
            if let Some(room) = self.try_make(&new).await? {
                self.remember(&room);
                return Ok(room);
            }
            if let Some(alias) = &new.alias
                && self.resolve_alias(alias).await?.is_some()
            {
                return Err(RoomsError::InUse("alias"));
            }
            if let Some(user_id) = &new.notices_for
                && self.notice_room(self.snapshot().await?.as_ref(), user_id).await?.is_some()
            {
                return Err(RoomsError::InUse("room for server notices"));
            }
        }
        Err(RoomsError::Busy)
    }

    /// Makes the room, unless its id or alias is taken.
    async fn try_make(&self, new: &NewRoom) -> Result<Option<Room>, RoomsError> {
        let room = self.new_room(&new.events, new.version.clone()).await?;
        let mut group = Group::create(self, &room).await?;
        group.decide_all(&new.events, &Manner::default()).await?;
        let row = RoomRow { room_id: room.id().to_owned(), version: room.version().to_string() };
        ROOM_NIDS.insert(group.batch(), &(room.id(),), &room.nid())?;
        ROOMS.insert(group.batch(), &(room.nid(),), &row)?;
        if new.published {
            PUBLISHED.put(group.batch(), &(room.nid(),), &())?;
        }
        if let Some(alias) = &new.alias {
            self.put_alias(group.batch(), alias, room.nid(), &new.creator)?;
        }
        if let Some(user_id) = &new.notices_for {
            NOTICE_ROOMS.insert(group.batch(), &(user_id,), &room.nid())?;
        }
        match group.commit().await {
            Ok(_) => Ok(Some(room)),
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Names a new room: at random, or since room version 12 by its create event.
    async fn new_room(
        &self,
        events: &[EventRequest],
        version: RoomVersionId,
    ) -> Result<Room, RoomsError> {
        let rules =
            rules_of(&version).ok_or_else(|| RoomsError::UnsupportedVersion(version.clone()))?;
        let room_id = match events.first() {
            Some(create) if rules.authorization.room_create_event_id_as_room_id => {
                let draft = Draft {
                    room_id: None,
                    sender: create.sender.clone(),
                    event_type: create.event_type.clone(),
                    state_key: create.state_key.clone(),
                    content: create.content.clone(),
                    redacts: None,
                    sticky_ms: None,
                    unsigned: None,
                    origin_server_ts: create.origin_server_ts.unwrap_or_else(|| self.clock().now()),
                    prev_events: Vec::new(),
                    auth_events: Vec::new(),
                    depth: 1,
                };
                let pdu = build(draft, rules, self.server_name(), self.signing_key())?;
                pdu.room_id().to_owned()
            }
            _ => self.random_room_id()?,
        };
        Room::new(self.next_room_nid().await?, room_id, version)
    }

    fn random_room_id(&self) -> Result<OwnedRoomId, RoomsError> {
        let opaque = self.random().alphanumeric(ROOM_ID_CHARACTERS);
        let room_id = format!("!{opaque}:{}", self.server_name());
        OwnedRoomId::try_from(room_id).map_err(|error| RoomsError::BadRequest(error.to_string()))
    }
}
