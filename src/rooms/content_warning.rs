//! Marks that a message is not safe for work.
//!
//! A mark is an ordinary event that refers to the message (`m.reference`) and has the block by
//! which messages warn of themselves in MSC3725, "Content warnings", under its unstable names. It
//! counts if its sender could have redacted the message when they sent it: a moderator, or who
//! wrote the message. So it outlives the moderator's office, and nobody's past marks come to count
//! with a new one. The writer decides that once, so readers meet only marks that count. Redacting a
//! mark takes it back.
//!
//! Deliberately absent: other warnings of MSC3725, and those that messages have in themselves,
//! which clients see anyway.

use hearth_rules::{Pdu, PowerLevels, redaction_allowed};
use hearth_store::{Batch, Direction, Pending, Snapshot};
use ruma::{
    EventId, OwnedEventId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::to_raw_value};

use crate::{
    Event, EventRequest, Rooms, RoomsError, Visibility,
    decide::Group,
    relation::{RelatesTo, RelationKind},
    tables::CONTENT_WARNINGS,
};

/// The type of marks, and the name under which `unsigned` tells of one.
pub(crate) const CONTENT_WARNING: &str = "org.hearth.content_warning";
/// The block that says what a mark warns of.
const BLOCK: &str = "town.robin.msc3725.content_warning";
/// What a mark warns of.
const NOT_SAFE_FOR_WORK: &str = "town.robin.msc3725.nsfw";
/// How many of the latest marks of an event are tried for one that a user may see.
const MARKS_TRIED_MAX: usize = 8;

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "town.robin.msc3725.content_warning", alias = "m.content_warning")]
    warning: Warning,
}

#[derive(Deserialize)]
struct Warning {
    #[serde(rename = "type")]
    kind: String,
}

/// What `unsigned` tells of a mark.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sender: &'a UserId,
    /// The mark, for who wants to take it back.
    event_id: &'a EventId,
}

impl<'a> Told<'a> {
    pub(crate) fn of(mark: &'a Event) -> Self {
        let pdu = mark.pdu();
        Self { kind: NOT_SAFE_FOR_WORK, sender: pdu.sender(), event_id: pdu.event_id() }
    }
}

/// A mark that a message is not safe for work. Whether it counts is for the room to decide.
///
/// # Errors
/// The content cannot be written.
pub fn content_warning(sender: &UserId, message: &EventId) -> Result<EventRequest, RoomsError> {
    let content = json!({
        "m.relates_to": { "rel_type": "m.reference", "event_id": message },
        BLOCK: { "type": NOT_SAFE_FOR_WORK },
    });
    Ok(EventRequest {
        sender: sender.to_owned(),
        event_type: TimelineEventType::from(CONTENT_WARNING),
        state_key: None,
        content: to_raw_value(&content).map_err(|error| RoomsError::BadJson(error.to_string()))?,
        redacts: None,
        transaction: None,
        origin_server_ts: None,
    })
}

/// Whether an event says of another one that it is not safe for work.
fn is_mark(pdu: &Pdu, relates: &RelatesTo) -> bool {
    pdu.type_name() == CONTENT_WARNING
        && !pdu.is_state()
        && relates.kind() == RelationKind::Reference
        && pdu.content_as::<Content>().is_some_and(|content| {
            [NOT_SAFE_FOR_WORK, "m.nsfw"].contains(&content.warning.kind.as_str())
        })
}

impl Group<'_> {
    /// Notes an event that is a mark, if it counts.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn index_content_warning(
        &self,
        batch: &mut Batch,
        pending: Pending,
        event: &Event,
        relates: &RelatesTo,
    ) -> Result<(), RoomsError> {
        if is_mark(event.pdu(), relates) && self.mark_counts(event, relates).await? {
            CONTENT_WARNINGS.put(batch, &(&*relates.event_id, pending), &event.nid())?;
        }
        Ok(())
    }

    /// Forgets an event that is about to lose its content, and says whether it was a mark that
    /// counts.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn unindex_content_warning(
        &self,
        batch: &mut Batch,
        event: &Event,
        relates: &RelatesTo,
    ) -> Result<bool, RoomsError> {
        if !is_mark(event.pdu(), relates) {
            return Ok(false);
        }
        match self.tentative.events.get(&event.nid()) {
            Some(new) => CONTENT_WARNINGS.delete(batch, &(&*relates.event_id, new.pending)),
            None => CONTENT_WARNINGS.delete(batch, &(&*relates.event_id, event.position())),
        }
        self.mark_counts(event, relates).await
    }

    async fn mark_counts(&self, event: &Event, relates: &RelatesTo) -> Result<bool, RoomsError> {
        let message = self.related_event(relates).await?;
        let Some(message) = message.filter(|message| !message.pdu().is_state()) else {
            return Ok(false);
        };
        let levels = self.levels_before(event).await?;
        Ok(redaction_allowed(&levels, event.pdu().sender(), message.pdu().sender()))
    }

    /// The power levels by which an event was sent.
    async fn levels_before(&self, event: &Event) -> Result<PowerLevels, RoomsError> {
        let wanted = [StateEventType::RoomCreate, StateEventType::RoomPowerLevels]
            .map(|event_type| (event_type, String::new()));
        let found = self.state_in(event.state_before(), &wanted).await?;
        let pdu = |at: usize| found.get(at).and_then(Option::as_ref).map(Event::pdu);
        Ok(PowerLevels::new(pdu(0), pdu(1), self.room.rules())?)
    }
}

impl Rooms {
    /// The latest marks of an event that count, the latest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn content_warnings(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        limit: usize,
    ) -> Result<Vec<Event>, RoomsError> {
        let range = CONTENT_WARNINGS.prefix(&(event.pdu().event_id(),));
        let rows = CONTENT_WARNINGS.scan(snapshot, &range, Direction::Backward, limit).await?;
        let nids: Vec<_> = rows.into_iter().map(|(_, nid)| nid).collect();
        let mut marks = self.events(snapshot, &nids).await?;
        marks.retain(|mark| mark.room() == event.room());
        Ok(marks)
    }

    /// The latest mark of an event that counts and that a user may see. Of a redacted event there
    /// is nothing to warn.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn latest_content_warning(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        visibility: &mut Visibility<'_>,
    ) -> Result<Option<Event>, RoomsError> {
        if event.redacted_by().is_some() {
            return Ok(None);
        }
        for mark in self.content_warnings(snapshot, event, MARKS_TRIED_MAX).await? {
            if visibility.may_see(&mark).await? {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }

    /// The event that another one marks; `None` if that is no mark, or one that does not count.
    ///
    /// # Errors
    /// The store failed.
    pub async fn warned_of_by(
        &self,
        snapshot: &dyn Snapshot,
        mark: &Event,
    ) -> Result<Option<OwnedEventId>, RoomsError> {
        let relates = RelatesTo::of(mark.pdu());
        let Some(relates) = relates.filter(|relates| is_mark(mark.pdu(), relates)) else {
            return Ok(None);
        };
        let key = (&*relates.event_id, mark.position());
        let counts = CONTENT_WARNINGS.get(snapshot, &key).await?.is_some();
        Ok(counts.then_some(relates.event_id))
    }
}

#[cfg(test)]
mod tests {
    use ruma::OwnedUserId;
    use serde_json::Value;

    use super::*;
    use crate::{
        Room, Sent,
        testing::{event, join, message, public_room, redaction, relating, render, rooms, user},
    };

    struct Story {
        rooms: Rooms,
        room: Room,
        alice: OwnedUserId,
        bob: OwnedUserId,
        carol: OwnedUserId,
        /// What bob wrote.
        message: Sent,
    }

    impl Story {
        async fn new() -> Self {
            let (rooms, alice) = (rooms(), user("alice"));
            let room = public_room(&rooms, &alice).await;
            let (bob, carol) = (user("bob"), user("carol"));
            for member in [&bob, &carol] {
                join(&rooms, &room, member).await.unwrap();
            }
            let message = rooms.send(&room, message(&bob, "look")).await.unwrap();
            Self { rooms, room, alice, bob, carol, message }
        }

        async fn send(&self, request: EventRequest) -> OwnedEventId {
            self.rooms.send(&self.room, request).await.unwrap().event_id
        }

        async fn mark(&self, sender: &UserId) -> OwnedEventId {
            self.send(content_warning(sender, &self.message.event_id).unwrap()).await
        }

        async fn set_level_of_carol(&self, level: i32) {
            let levels = json!({ "users": { self.carol.as_str(): level } });
            let levels = event(&self.alice, "m.room.power_levels", Some(""), levels);
            self.send(levels).await;
        }

        /// The marks that count, the latest first.
        async fn marks(&self) -> Vec<OwnedEventId> {
            let snapshot = self.rooms.snapshot().await.unwrap();
            let message = self.rooms.event(snapshot.as_ref(), self.message.nid).await.unwrap();
            let marks = self.rooms.content_warnings(snapshot.as_ref(), &message, 10).await.unwrap();
            marks.iter().map(|mark| mark.pdu().event_id().to_owned()).collect()
        }

        /// What `user_id` is told in `unsigned` of the message.
        async fn told(&self, user_id: &UserId) -> Value {
            let id = &self.message.event_id;
            let told = render(&self.rooms, user_id, std::slice::from_ref(id)).await;
            told[0]["unsigned"][CONTENT_WARNING].clone()
        }
    }

    #[tokio::test]
    async fn marks_of_the_sender_and_of_moderators_count() {
        let story = Story::new().await;
        story.mark(&story.carol).await;
        assert_eq!(story.marks().await, Vec::<OwnedEventId>::new());
        assert_eq!(story.told(&story.carol).await, Value::Null);
        let own = story.mark(&story.bob).await;
        let of_alice = story.mark(&story.alice).await;
        assert_eq!(story.marks().await, [of_alice.clone(), own.clone()]);
        let told =
            json!({ "type": NOT_SAFE_FOR_WORK, "sender": story.alice, "event_id": of_alice });
        assert_eq!(story.told(&story.carol).await, told);

        story.send(redaction(&story.alice, &of_alice)).await;
        assert_eq!(story.marks().await, std::slice::from_ref(&own));
        story.send(redaction(&story.bob, &own)).await;
        assert_eq!(story.marks().await, Vec::<OwnedEventId>::new());
        assert_eq!(story.told(&story.carol).await, Value::Null);
    }

    #[tokio::test]
    async fn a_mark_counts_by_what_its_sender_was_when_they_sent_it() {
        let story = Story::new().await;
        story.mark(&story.carol).await;
        story.set_level_of_carol(50).await;
        assert_eq!(story.marks().await, Vec::<OwnedEventId>::new());
        let counts = story.mark(&story.carol).await;
        story.set_level_of_carol(0).await;
        story.mark(&story.carol).await;
        assert_eq!(story.marks().await, [counts]);
    }

    #[tokio::test]
    async fn only_what_says_so_of_a_message_is_a_mark() {
        let story = Story::new().await;
        let (alice, id) = (&story.alice, &story.message.event_id);
        let relates = |rel_type| json!({ "rel_type": rel_type, "event_id": id });
        let mark = |rel_type, name: &str, kind| {
            let content = json!({ "m.relates_to": relates(rel_type), name: { "type": kind } });
            event(alice, CONTENT_WARNING, None, content)
        };
        story.send(mark("m.annotation", BLOCK, NOT_SAFE_FOR_WORK)).await;
        story.send(mark("m.reference", BLOCK, "town.robin.msc3725.spoiler")).await;
        story.send(mark("m.reference", "warning", NOT_SAFE_FOR_WORK)).await;
        story.send(relating(alice, "m.reference", id)).await;
        assert_eq!(story.marks().await, Vec::<OwnedEventId>::new());
        let stable = story.send(mark("m.reference", "m.content_warning", "m.nsfw")).await;
        assert_eq!(story.marks().await, [stable]);

        story.send(redaction(&story.bob, id)).await;
        assert_eq!(story.told(alice).await, Value::Null, "there is nothing left to warn of");
    }

    #[tokio::test]
    async fn what_a_mark_warns_of_is_known_while_it_counts() {
        let story = Story::new().await;
        let warned_of = async |mark: &EventId| {
            let snapshot = story.rooms.snapshot().await.unwrap();
            let mark = story.rooms.event_by_id(snapshot.as_ref(), mark).await.unwrap().unwrap();
            story.rooms.warned_of_by(snapshot.as_ref(), &mark).await.unwrap()
        };
        let (of_carol, of_alice) = (story.mark(&story.carol).await, story.mark(&story.alice).await);
        assert_eq!(warned_of(&of_carol).await, None);
        assert_eq!(warned_of(&of_alice).await, Some(story.message.event_id.clone()));
        story.send(redaction(&story.alice, &of_alice)).await;
        assert_eq!(warned_of(&of_alice).await, None);
    }
}
