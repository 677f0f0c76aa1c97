//! What a change is to clients: the events that it leads to, made once for all who are told.
//!
//! So a message in an event is as nobody in particular sees it: what only concerns its reader
//! (whether they reacted, how far their own message came) is left out.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rooms::{Event, Room, Snapshot};
use hearth_sync::Fact;
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, OwnedUserId, UserId,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Deserialize;

use super::{frame::Happening, told::Audience};
use crate::{
    ChatApi, Problem,
    notifications::Notification,
    views::{Message, MessageViews, Person, may_be_message, person},
};

/// Something that happened, to whom it is told, and who did it.
pub(crate) struct Seen {
    pub audience: Audience,
    pub by: Option<OwnedUserId>,
    pub happening: Happening,
}

/// The events that a change leads to.
///
/// # Errors
/// The store failed.
pub(crate) async fn witness(
    api: &ChatApi,
    position: StreamPosition,
    fact: &Fact,
) -> Result<Vec<Seen>, Problem> {
    if let Fact::Notification { user } = fact {
        return notified(api, position, user).await;
    }
    let nid = match fact {
        Fact::Event { room, .. }
        | Fact::Redacted { room, .. }
        | Fact::RelationRemoved { room, .. }
        | Fact::Receipt { room, .. } => *room,
        _ => return Ok(Vec::new()),
    };
    let snapshot = api.rooms.snapshot().await?;
    let room = api.rooms.room_by_nid(snapshot.as_ref(), nid).await?;
    let scene = Scene { api, snapshot: snapshot.as_ref(), room };
    match fact {
        Fact::Event { event, .. } => scene.event(*event).await,
        Fact::Redacted { event, .. } => scene.redacted(*event).await,
        Fact::RelationRemoved { parent, rel_type, key, sender, .. } => match key {
            Some(emoji) if rel_type == "m.annotation" => {
                scene.reaction_removed(parent, sender, emoji).await
            }
            // Of references only marks are told of: that the message is not safe for work.
            _ if ["m.replace", "m.reference"].contains(&rel_type.as_str()) => {
                scene.updated(parent, sender).await
            }
            _ => Ok(Vec::new()),
        },
        Fact::Receipt { user, private, .. } => scene.read(position, user, *private).await,
        _ => Ok(Vec::new()),
    }
}

/// Somebody is notified of something that they may still see.
async fn notified(
    api: &ChatApi,
    position: StreamPosition,
    user: &OwnedUserId,
) -> Result<Vec<Seen>, Problem> {
    let snapshot = api.rooms.snapshot().await?;
    let Some(found) = api.chat.notification(snapshot.as_ref(), user, position).await? else {
        return Ok(Vec::new());
    };
    let notification = Box::new(Notification::new(api, found).await?);
    let audience = Audience::People([user.clone()].into());
    let happening = Happening::Notification { notification };
    Ok(vec![Seen { audience, by: None, happening }])
}

/// Where it happens.
struct Scene<'a> {
    api: &'a ChatApi,
    snapshot: &'a dyn Snapshot,
    room: Room,
}

#[derive(Deserialize)]
struct Related {
    #[serde(rename = "m.relates_to")]
    relates_to: Relation,
}

#[derive(Deserialize)]
struct Relation {
    rel_type: String,
    event_id: OwnedEventId,
    key: Option<String>,
}

#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
}

impl Scene<'_> {
    async fn event(&self, nid: EventNid) -> Result<Vec<Seen>, Problem> {
        let event = self.api.rooms.event(self.snapshot, nid).await?;
        let sender = event.pdu().sender();
        let relation = event.pdu().content_as::<Related>().map(|related| related.relates_to);
        match (event.pdu().type_name(), relation) {
            ("m.reaction", Some(Relation { event_id, key: Some(emoji), .. })) => {
                let user = self.person(sender).await?;
                let (room_id, message_id) = (self.room_id(), event_id);
                let happening = Happening::ReactionAdded { room_id, message_id, user, emoji };
                Ok(vec![self.seen(sender, happening)])
            }
            ("m.room.message" | "m.room.encrypted", Some(Relation { rel_type, event_id, .. }))
                if rel_type == "m.replace" =>
            {
                self.updated(&event_id, sender).await
            }
            ("m.room.member", _) => self.member(&event).await,
            _ => match self.api.rooms.warned_of_by(self.snapshot, &event).await? {
                Some(message) => self.updated(&message, sender).await,
                None => Ok(self.created(&event).await?.into_iter().collect()),
            },
        }
    }

    /// A membership: somebody comes or goes, and a system message says so.
    async fn member(&self, event: &Event) -> Result<Vec<Seen>, Problem> {
        let pdu = event.pdu();
        let user = pdu.state_key().and_then(|user| <&UserId>::try_from(user).ok());
        let Some(user) = user else {
            return Ok(Vec::new());
        };
        let key = (StateEventType::RoomMember, user.as_str());
        let state = event.state_before();
        let rooms = &self.api.rooms;
        let before = rooms.state_event(self.snapshot, self.nid(), state, key.0, key.1).await?;
        let was_joined = before.as_ref().is_some_and(is_join);
        let moved = match (was_joined, is_join(event)) {
            (false, true) => {
                let user = self.person(user).await?;
                Some(Happening::UserJoined { room_id: self.room_id(), user })
            }
            (true, false) => {
                Some(Happening::UserLeft { room_id: self.room_id(), user_id: user.to_owned() })
            }
            _ => None,
        };
        // Who comes and goes is told even to those who ignore them: it is about the room.
        let moved = moved.map(|happening| Seen { by: None, ..self.seen(user, happening) });
        Ok(moved.into_iter().chain(self.created(event).await?).collect())
    }

    async fn created(&self, event: &Event) -> Result<Option<Seen>, Problem> {
        if !may_be_message(event) {
            return Ok(None);
        }
        let sender = event.pdu().sender();
        let message = self.message(event, sender).await?;
        Ok(message.map(|message| {
            let message = Box::new(message);
            self.seen(sender, Happening::MessageCreated { room_id: self.room_id(), message })
        }))
    }

    /// A message is not what it was before: edited by its sender, or marked by somebody. It is
    /// told as the sender's, as those who ignore them were not told of it before.
    async fn updated(&self, message: &EventId, viewer: &UserId) -> Result<Vec<Seen>, Problem> {
        let original = self.api.rooms.event_by_id(self.snapshot, message).await?;
        let original = original.filter(|event| {
            event.room() == self.nid() && event.redacted_by().is_none() && may_be_message(event)
        });
        let Some(original) = original else {
            return Ok(Vec::new());
        };
        let Some(message) = self.message(&original, viewer).await? else {
            return Ok(Vec::new());
        };
        let (room_id, message) = (self.room_id(), Box::new(message));
        let happening = Happening::MessageUpdated { room_id, message };
        Ok(vec![self.seen(original.pdu().sender(), happening)])
    }

    async fn redacted(&self, nid: EventNid) -> Result<Vec<Seen>, Problem> {
        let event = self.api.rooms.event(self.snapshot, nid).await?;
        if event.pdu().is_state() || !may_be_message(&event) {
            return Ok(Vec::new());
        }
        let sender = event.pdu().sender();
        let Some(message) = self.message(&event, sender).await? else {
            return Ok(Vec::new());
        };
        let (room_id, message_id) = (self.room_id(), message.id);
        let happening = Happening::MessageDeleted { room_id, message_id };
        // Whoever shows the message has to take it away.
        Ok(vec![Seen { by: None, ..self.seen(sender, happening) }])
    }

    async fn reaction_removed(
        &self,
        message: &EventId,
        sender: &UserId,
        emoji: &str,
    ) -> Result<Vec<Seen>, Problem> {
        let user = self.person(sender).await?;
        let (room_id, message_id) = (self.room_id(), message.to_owned());
        let emoji = emoji.to_owned();
        let happening = Happening::ReactionRemoved { room_id, message_id, user, emoji };
        Ok(vec![self.seen(sender, happening)])
    }

    /// A receipt; one that was overtaken by a later one is told with that.
    async fn read(
        &self,
        position: StreamPosition,
        user: &UserId,
        is_private: bool,
    ) -> Result<Vec<Seen>, Problem> {
        let since = position.previous();
        let rooms = &self.api.rooms;
        let receipts = rooms.receipts_since(self.snapshot, self.nid(), since, position, user);
        let seen = receipts.await?.into_iter().map(|receipt| {
            let happening = Happening::MessageRead {
                room_id: self.room_id(),
                message_id: receipt.receipt.event_id,
                user_id: user.to_owned(),
            };
            let seen = self.seen(user, happening);
            if is_private {
                Seen { audience: Audience::People([user.to_owned()].into()), ..seen }
            } else {
                seen
            }
        });
        Ok(seen.collect())
    }

    /// A message as nobody in particular sees it; `viewer` is somebody who may see it.
    async fn message(&self, event: &Event, viewer: &UserId) -> Result<Option<Message>, Problem> {
        let views = MessageViews::new(self.api, self.snapshot, &self.room, viewer, None);
        let mut message = views.one(event).await?;
        if let Some(message) = &mut message {
            message.status = None;
            message.reactions.iter_mut().for_each(|group| group.reacted = false);
        }
        Ok(message)
    }

    async fn person(&self, user: &UserId) -> Result<Person, Problem> {
        let member = self.api.rooms.member(self.snapshot, self.nid(), user).await?;
        Ok(person(&self.api.settings, &user.to_owned(), member))
    }

    fn seen(&self, by: &UserId, happening: Happening) -> Seen {
        Seen { audience: Audience::Room(self.nid()), by: Some(by.to_owned()), happening }
    }

    fn nid(&self) -> RoomNid {
        self.room.nid()
    }

    fn room_id(&self) -> OwnedRoomId {
        self.room.id().to_owned()
    }
}

fn is_join(event: &Event) -> bool {
    let content: Option<MemberContent> = event.pdu().content_as();
    content.is_some_and(|content| content.membership == MembershipState::Join)
}
