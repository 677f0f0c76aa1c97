//! What makes messages of events: a page at a time, so that what they share is read once.

use std::collections::{BTreeSet, HashMap};

use hearth_base::EventNid;
use hearth_rooms::{Aggregation, Event, Reaction, Room, Snapshot};
use ruma::{DeviceId, OwnedUserId, UserId};
use serde::Deserialize;

use super::{
    Attachment, ContentWarning, ContentWarningKind, DELETED, Message, MessageType, Person,
    ReactionGroup, SystemEvent,
    message::{ENCRYPTED, MessageContent, Relations},
    person,
    readers::Readers,
};
use crate::{ChatApi, Problem};

/// What makes messages of the events of one room for one user.
pub struct MessageViews<'a> {
    api: &'a ChatApi,
    snapshot: &'a dyn Snapshot,
    room: &'a Room,
    user_id: &'a UserId,
    /// The session that asks: it is told what it called its own messages.
    device_id: Option<&'a DeviceId>,
}

/// What is known of the events of a page.
struct Known {
    aggregations: HashMap<EventNid, Aggregation>,
    reactions: HashMap<EventNid, Vec<Reaction>>,
    people: HashMap<OwnedUserId, Person>,
    readers: Readers,
}

impl<'a> MessageViews<'a> {
    /// Views of a room's events for a user, who is allowed to see them.
    #[must_use]
    pub fn new(
        api: &'a ChatApi,
        snapshot: &'a dyn Snapshot,
        room: &'a Room,
        user_id: &'a UserId,
        device_id: Option<&'a DeviceId>,
    ) -> Self {
        Self { api, snapshot, room, user_id, device_id }
    }

    /// The messages that events are, in their order. Events that turn out to be none are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn all(&self, events: &[Event]) -> Result<Vec<Message>, Problem> {
        let known = self.look_up(events).await?;
        let mut messages = Vec::with_capacity(events.len());
        for event in events {
            messages.extend(self.message(event, &known).await?);
        }
        Ok(messages)
    }

    /// One message; `None` if the event is none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn one(&self, event: &Event) -> Result<Option<Message>, Problem> {
        Ok(self.all(std::slice::from_ref(event)).await?.pop())
    }

    async fn look_up(&self, events: &[Event]) -> Result<Known, Problem> {
        let (rooms, snapshot) = (&self.api.rooms, self.snapshot);
        let aggregations = rooms.aggregations(snapshot, events, self.user_id).await?;
        let mut eyes = rooms.visibility(snapshot, self.room, self.user_id).await?;
        let reactions = rooms.reactions(snapshot, events, &mut eyes).await?;
        let mut users = BTreeSet::new();
        for event in events {
            users.insert(event.pdu().sender().to_owned());
            let target = event.pdu().state_key().map(OwnedUserId::try_from);
            users.extend(target.and_then(Result::ok));
        }
        let of_reactions = reactions.values().flatten();
        users.extend(of_reactions.map(|reaction| reaction.event.pdu().sender().to_owned()));
        let warnings = aggregations.values().filter_map(|known| known.warning.as_ref());
        users.extend(warnings.map(|mark| mark.pdu().sender().to_owned()));
        let users: Vec<_> = users.into_iter().collect();
        let members = rooms.members_among(snapshot, self.room.nid(), &users).await?;
        let people = users.into_iter().zip(members);
        let people = people.map(|(user, member)| {
            let person = person(&self.api.settings, &user, member);
            (user, person)
        });
        let people = people.collect();
        let oldest = events.iter().map(Event::position).min();
        let readers = match oldest {
            Some(oldest) => {
                Readers::since(self.api, snapshot, self.room, self.user_id, oldest).await?
            }
            None => Readers::default(),
        };
        Ok(Known { aggregations, reactions, people, readers })
    }

    async fn message(&self, event: &Event, known: &Known) -> Result<Option<Message>, Problem> {
        if event.pdu().is_state() {
            return self.system_message(event, known).await;
        }
        if event.redacted_by().is_some() {
            return self.deleted_message(event, known).await;
        }
        let aggregation = known.aggregations.get(&event.nid());
        let edit = aggregation.and_then(|known| known.edit.as_ref());
        let content = MessageContent::of(event, edit);
        let relations = Relations::of(event);
        let is_encrypted = event.pdu().type_name() == "m.room.encrypted";
        let reactions = known.reactions.get(&event.nid()).map_or(&[][..], Vec::as_slice);
        let thread = aggregation.and_then(|known| known.thread.as_ref());
        let warning = aggregation.and_then(|known| known.warning.as_ref());
        let thread_id = relations.thread();
        let readers = known.readers.count(event, thread_id.as_deref());
        let is_own = event.pdu().sender() == self.user_id;
        Ok(Some(Message {
            message_type: match event.pdu().type_name() {
                "m.sticker" => MessageType::Image,
                _ => content.message_type(),
            },
            formatted_content: content.html(),
            is_action: content.msgtype == "m.emote",
            edited_at: edit.map(|edit| edit.pdu().origin_server_ts().into()),
            parent_message_id: relations.parent(),
            thread_count: thread.map_or(0, |thread| thread.summary.count),
            thread_id,
            attachments: Attachment::all(&self.api.settings, event, &content),
            content_warning: warning.map(|mark| self.content_warning(mark, known)),
            reactions: ReactionGroup::all(reactions, self.user_id, |user| {
                self.known_person(user, known)
            }),
            read_by_count: readers,
            status: is_own.then(|| known.readers.status(event, readers)),
            client_id: self.client_id(event),
            content: if is_encrypted { ENCRYPTED } else { content.text() }.to_owned(),
            ..self.plain(event, known)
        }))
    }

    /// What all messages have in common.
    fn plain(&self, event: &Event, known: &Known) -> Message {
        let pdu = event.pdu();
        Message {
            id: pdu.event_id().to_owned(),
            room_id: self.room.id().to_owned(),
            message_type: MessageType::Text,
            content: String::new(),
            formatted_content: None,
            is_action: false,
            sender: self.known_person(pdu.sender(), known),
            created_at: pdu.origin_server_ts().into(),
            edited_at: None,
            is_deleted: false,
            parent_message_id: None,
            thread_id: None,
            thread_count: 0,
            attachments: Vec::new(),
            content_warning: None,
            reactions: Vec::new(),
            system: None,
            read_by_count: None,
            status: None,
            client_id: None,
        }
    }

    async fn system_message(
        &self,
        event: &Event,
        known: &Known,
    ) -> Result<Option<Message>, Problem> {
        #[derive(Default, Deserialize)]
        struct Content {
            #[serde(default)]
            name: String,
        }
        let system = SystemEvent::of(&self.api.rooms, self.snapshot, self.room, event).await?;
        let Some(system) = system else {
            return Ok(None);
        };
        let actor = self.known_person(event.pdu().sender(), known).display_name;
        let target = system.user_id.as_ref().map(|user| self.known_person(user, known));
        let target = target.map(|target| target.display_name).unwrap_or_default();
        let name = event.pdu().content_as::<Content>().unwrap_or_default().name;
        Ok(Some(Message {
            message_type: MessageType::System,
            content: system.words(&actor, &target, &name),
            system: Some(system),
            ..self.plain(event, known)
        }))
    }

    async fn deleted_message(
        &self,
        event: &Event,
        known: &Known,
    ) -> Result<Option<Message>, Problem> {
        if let Some(redaction) = event.redacted_by() {
            let redaction = self.api.rooms.event(self.snapshot, redaction).await?;
            // Of a message that is deleted here, the edits are too. They never were messages.
            if crate::messages::is_deletion_of_edit(&redaction) {
                return Ok(None);
            }
        }
        let content = DELETED.to_owned();
        Ok(Some(Message { content, is_deleted: true, ..self.plain(event, known) }))
    }

    fn content_warning(&self, mark: &Event, known: &Known) -> ContentWarning {
        ContentWarning {
            kind: ContentWarningKind::NotSafeForWork,
            by: self.known_person(mark.pdu().sender(), known),
            at: mark.pdu().origin_server_ts().into(),
        }
    }

    fn known_person(&self, user: &UserId, known: &Known) -> Person {
        let person = known.people.get(user).cloned();
        person.unwrap_or_else(|| Person::new(&self.api.settings, user, None, None))
    }

    fn client_id(&self, event: &Event) -> Option<String> {
        let origin = event.origin()?;
        let is_own =
            event.pdu().sender() == self.user_id && self.device_id == Some(&*origin.device_id);
        is_own.then(|| origin.transaction_id.to_string())
    }
}
