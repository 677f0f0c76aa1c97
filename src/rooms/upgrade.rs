//! Upgrading rooms (specification, client-server API, "Room upgrades").
//!
//! The replacement is made first, whole, then gets the bans, and only then the old room says where
//! it is. What is written into it is decided in [`contents`]. Users' own data (push rules, tags)
//! is for the caller, when they enter.

mod contents;

use hearth_base::limits::{ROOM_CONFLICT_RETRIES_MAX, ROOM_GROUP_EVENTS_MAX};
use hearth_rules::{PowerLevels, rules_of};
use hearth_store::{Batch, CommitError, Snapshot};
use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomVersionId, UserId,
    events::{StateEventType, TimelineEventType, room::member::MembershipState},
    room_version_rules::RoomVersionRules,
};
use serde::Deserialize;
use serde_json::json;

use self::contents::Contents;
use crate::{
    Event, Profile, Room, RoomHead, Rooms, RoomsError,
    alias::Alias,
    new_room::{NewRoom, state_event},
    tables::{ALIASES, PUBLISHED, ROOM_ALIASES},
    writer::EventRequest,
};

/// What the replacement of a room should be like.
#[derive(Clone, Debug)]
pub struct UpgradeRoom {
    /// Who upgrades it.
    pub sender: OwnedUserId,
    /// How they look.
    pub profile: Profile,
    /// The version of the new room.
    pub version: RoomVersionId,
    /// Who else counts as its creator, where the version knows that (MSC4289).
    pub additional_creators: Vec<OwnedUserId>,
}

/// A room that is about to be replaced.
struct OldRoom<'a> {
    room: &'a Room,
    head: RoomHead,
    levels: PowerLevels,
    /// Its state without members.
    state: Vec<Event>,
}

impl OldRoom<'_> {
    fn state_event(&self, event_type: &str) -> Option<&Event> {
        self.state.iter().find(|event| {
            event.pdu().type_name() == event_type && event.pdu().state_key() == Some("")
        })
    }
}

impl Rooms {
    /// Replaces a room by a new one, and returns that.
    ///
    /// # Errors
    /// [`RoomsError::UnsupportedVersion`]; [`RoomsError::Forbidden`] unless the sender is in the
    /// room and may send its `m.room.tombstone`; or the store failed.
    pub async fn upgrade_room(
        &self,
        room: &Room,
        request: UpgradeRoom,
    ) -> Result<Room, RoomsError> {
        let rules = rules_of(&request.version)
            .ok_or_else(|| RoomsError::UnsupportedVersion(request.version.clone()))?;
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let old = self.old_room(snapshot, room, &request.sender).await?;
        let new = self.replacement(snapshot, &old, &request, rules).await?;
        self.bury(&old, &new, &request.sender).await?;
        self.move_aliases(room, &new, &request.sender).await?;
        Ok(new)
    }

    /// The room that a room replaces, by its `m.room.create` event.
    ///
    /// # Errors
    /// The store failed.
    pub async fn predecessor(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<Option<OwnedRoomId>, RoomsError> {
        #[derive(Deserialize)]
        struct Content {
            predecessor: Predecessor,
        }
        #[derive(Deserialize)]
        struct Predecessor {
            room_id: OwnedRoomId,
        }
        let (head, key) = (self.head(snapshot, room.nid()).await?, StateEventType::RoomCreate);
        let create = self.state_event(snapshot, room.nid(), head.state, key, "").await?;
        let content = create.and_then(|create| create.pdu().content_as::<Content>());
        Ok(content.map(|content| content.predecessor.room_id))
    }

    /// The room that replaces a room, by its `m.room.tombstone` event.
    ///
    /// # Errors
    /// The store failed.
    pub async fn replacement_of(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<Option<OwnedRoomId>, RoomsError> {
        #[derive(Deserialize)]
        struct Content {
            replacement_room: OwnedRoomId,
        }
        let (head, key) = (self.head(snapshot, room.nid()).await?, StateEventType::RoomTombstone);
        let tombstone = self.state_event(snapshot, room.nid(), head.state, key, "").await?;
        let content = tombstone.and_then(|event| event.pdu().content_as::<Content>());
        Ok(content.map(|content| content.replacement_room))
    }

    async fn old_room<'a>(
        &self,
        snapshot: &dyn Snapshot,
        room: &'a Room,
        sender: &UserId,
    ) -> Result<OldRoom<'a>, RoomsError> {
        let head = self.head(snapshot, room.nid()).await?;
        let levels = self.power_levels(snapshot, room, &head).await?;
        if !self.is_joined(snapshot, room.nid(), sender).await?
            || !levels.may_send(sender, &TimelineEventType::RoomTombstone, true)
        {
            return Err(RoomsError::Forbidden("you may not upgrade this room".to_owned()));
        }
        let state = self.state_without_members(snapshot, room.nid(), head.state).await?;
        Ok(OldRoom { room, head, levels, state })
    }

    /// Makes the new room with everything that is carried over.
    async fn replacement(
        &self,
        snapshot: &dyn Snapshot,
        old: &OldRoom<'_>,
        request: &UpgradeRoom,
        rules: &RoomVersionRules,
    ) -> Result<Room, RoomsError> {
        let contents = Contents::new(old, request, rules)?;
        let sender = &request.sender;
        let new = NewRoom {
            creator: sender.clone(),
            version: request.version.clone(),
            events: contents.first,
            published: self.is_published(snapshot, old.room.nid()).await?,
            alias: None,
            notices_for: None,
        };
        let room = self.make_room(new).await?;
        let mut later = contents.later;
        later.extend(self.bans(snapshot, old.room, sender).await?);
        for group in later.chunks(ROOM_GROUP_EVENTS_MAX) {
            self.send_what_is_allowed(&room, group).await?;
        }
        self.send_what_is_allowed(&room, &contents.last).await?;
        Ok(room)
    }

    /// The bans of a room as requests of the sender.
    async fn bans(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        sender: &UserId,
    ) -> Result<Vec<EventRequest>, RoomsError> {
        let mut bans = Vec::new();
        for (user_id, member) in self.members(snapshot, room.nid()).await? {
            if member.state == MembershipState::Ban {
                let event = self.event(snapshot, member.event).await?;
                let content = contents::ban(&event);
                bans.push(state_event(sender, "m.room.member", user_id.as_str(), &content)?);
            }
        }
        Ok(bans)
    }

    /// Sends events together, or, when one of them is refused, those that are not.
    async fn send_what_is_allowed(
        &self,
        room: &Room,
        requests: &[EventRequest],
    ) -> Result<(), RoomsError> {
        match self.send_all(room, requests.to_vec()).await {
            Ok(_) => return Ok(()),
            Err(error) if !is_refusal(&error) => return Err(error),
            Err(_) => {}
        }
        for request in requests {
            match self.send(room, request.clone()).await {
                Err(error) if !is_refusal(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Says in the old room where the new one is, and makes it quiet if the sender may do that.
    async fn bury(&self, old: &OldRoom<'_>, new: &Room, sender: &UserId) -> Result<(), RoomsError> {
        let content = json!({
            "body": "This room has been replaced",
            "replacement_room": new.id(),
        });
        self.send(old.room, state_event(sender, "m.room.tombstone", "", &content)?).await?;
        let levels = contents::quiet_levels(old);
        let levels = state_event(sender, "m.room.power_levels", "", &levels)?;
        self.send_what_is_allowed(old.room, &[levels]).await
    }

    /// Gives a room's aliases and its place in the directory to its replacement.
    async fn move_aliases(
        &self,
        old: &Room,
        new: &Room,
        sender: &UserId,
    ) -> Result<(), RoomsError> {
        for _ in 0..ROOM_CONFLICT_RETRIES_MAX {
            let snapshot = self.snapshot().await?;
            let aliases = self.aliases_of(snapshot.as_ref(), old.nid()).await?;
            let batch = moved(snapshot.as_ref(), &aliases, old, new).await?;
            match self.store().commit(batch).await {
                Ok(_) => return self.retract_aliases(old, &aliases, sender).await,
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(RoomsError::Busy)
    }
}

/// The rows of aliases that change hands.
async fn moved(
    snapshot: &dyn Snapshot,
    aliases: &[OwnedRoomAliasId],
    old: &Room,
    new: &Room,
) -> Result<Batch, RoomsError> {
    let mut batch = Batch::new();
    for alias in aliases {
        let Some(row) = ALIASES.get(snapshot, &(alias,)).await? else {
            continue;
        };
        let after = Alias { room: new.nid(), creator: row.creator.clone() };
        ALIASES.replace(&mut batch, &(alias,), Some(&row), Some(&after))?;
        ROOM_ALIASES.delete(&mut batch, &(old.nid(), alias));
        ROOM_ALIASES.put(&mut batch, &(new.nid(), alias), &())?;
    }
    PUBLISHED.delete(&mut batch, &(old.nid(),));
    Ok(batch)
}

/// Whether an event was refused for what it is, and not because something failed.
fn is_refusal(error: &RoomsError) -> bool {
    use RoomsError::{BadJson, BadRequest, Forbidden, TooLarge};
    matches!(error, Forbidden(_) | BadRequest(_) | BadJson(_) | TooLarge(_))
}
