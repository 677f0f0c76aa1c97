//! What a room's state says to somebody who is not in the room: for the directory, summaries and
//! spaces.
//!
//! No message and no membership changes the look of a room, so it is remembered with the part of
//! the state that it was read from; only a redaction changes what that state says.

use std::sync::Arc;

use hearth_base::RoomNid;
use hearth_statemap::Root;
use hearth_store::Snapshot;
use moka::sync::Cache;
use ruma::{
    OwnedMxcUri, OwnedRoomAliasId,
    events::StateEventType,
    room::{JoinRuleKind, RoomType},
};
use serde_json::{Map, Value};

use crate::{Event, Room, RoomHead, Rooms, RoomsError};

/// What the state of a room says to somebody who is not in it.
#[derive(Clone, Debug, Default)]
pub struct RoomLook {
    /// Its name.
    pub name: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// The alias that its members prefer.
    pub canonical_alias: Option<OwnedRoomAliasId>,
    /// Its avatar.
    pub avatar_url: Option<OwnedMxcUri>,
    /// Whether everybody may read it.
    pub world_readable: bool,
    /// Whether guests may join.
    pub guest_can_join: bool,
    /// Who may join; `None` if the state does not say, which means `invite`.
    pub join_rule: Option<JoinRuleKind>,
    /// Its type, of spaces and the like.
    pub room_type: Option<RoomType>,
    /// Whether its messages are encrypted.
    pub encrypted: bool,
}

/// The looks of rooms by number, each with the part of the state that it was read from.
pub(crate) type LookCache = Cache<RoomNid, (Root, Arc<RoomLook>)>;

impl Rooms {
    /// The look of a room at its head.
    ///
    /// # Errors
    /// The store failed.
    pub async fn look(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<Arc<RoomLook>, RoomsError> {
        if let Some((root, look)) = self.look_cache().get(&room.nid())
            && root == head.state.others
        {
            return Ok(look);
        }
        let look = Arc::new(self.read_look(snapshot, room, head).await?);
        let entry = (head.state.others, Arc::clone(&look));
        self.look_cache().insert(room.nid(), entry);
        // Checked afterwards: a redaction first moves its position, then invalidates.
        if snapshot.position() < self.event_cache().last_redaction() {
            self.look_cache().invalidate(&room.nid());
        }
        Ok(look)
    }

    async fn read_look(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<RoomLook, RoomsError> {
        let wanted = [
            StateEventType::RoomName,
            StateEventType::RoomTopic,
            StateEventType::RoomCanonicalAlias,
            StateEventType::RoomAvatar,
            StateEventType::RoomHistoryVisibility,
            StateEventType::RoomGuestAccess,
            StateEventType::RoomJoinRules,
            StateEventType::RoomCreate,
            StateEventType::RoomEncryption,
        ]
        .map(|event_type| (event_type, String::new()));
        let events = self.state_events(snapshot, room.nid(), head.state, &wanted).await?;
        let mut look = RoomLook::default();
        for event in events.iter().flatten() {
            look.read(event);
        }
        Ok(look)
    }
}

impl RoomLook {
    /// Takes over what one of the state events says; what is malformed says nothing.
    fn read(&mut self, event: &Event) {
        let text = |field| text_of(event, field);
        match event.pdu().type_name() {
            "m.room.name" => self.name = text("name"),
            "m.room.topic" => self.topic = text("topic"),
            "m.room.canonical_alias" => {
                self.canonical_alias = text("alias").and_then(|alias| alias.try_into().ok());
            }
            "m.room.avatar" => self.avatar_url = text("url").map(OwnedMxcUri::from),
            "m.room.history_visibility" => {
                let visibility = text("history_visibility");
                self.world_readable = visibility.as_deref() == Some("world_readable");
            }
            "m.room.guest_access" => {
                self.guest_can_join = text("guest_access").as_deref() == Some("can_join");
            }
            "m.room.join_rules" => {
                self.join_rule = text("join_rule").map(JoinRuleKind::from);
            }
            "m.room.create" => self.room_type = text("type").map(RoomType::from),
            "m.room.encryption" => self.encrypted = true,
            _ => {}
        }
    }
}

/// A field of a content that should be a string with something in it.
fn text_of(event: &Event, field: &str) -> Option<String> {
    let content: Map<String, Value> = event.pdu().content_as()?;
    let text = content.get(field)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
