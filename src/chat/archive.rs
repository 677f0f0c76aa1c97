//! Archived rooms: they can be read, and nobody joins or writes any more.
//!
//! What is closed is the room itself, so it holds whichever API somebody uses: its owner raises
//! everything that it asks of who sends, the archiving itself included, to the owner's own level,
//! and lets nobody in. Nobody can ask for more than their own level (Matrix's rules of
//! `m.room.power_levels`, in every version), so it is not the room that holds the owner back, but
//! the chat API, by [`Chat::check_not_archived`].
//!
//! What the levels were is remembered here, where no administrator of the room can write. It is
//! written before anything changes and forgotten after everything is as it was: an interrupted
//! change can be made again.

use hearth_rooms::{Room, RoomsError, Snapshot, state_event};
use hearth_rules::PowerLevels;
use hearth_store::{Batch, Keyspace, StoreError};
use ruma::{
    Int, UserId,
    events::{StateEventType, TimelineEventType, room::power_levels::UserPowerLevel},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{AuditAction, Chat, ChatError, audit::Audit, authority::owner_level, tables::ARCHIVED};

/// The type of the state event that tells Matrix clients that a room is archived.
const ARCHIVED_EVENT: &str = "org.hearth.archived";
/// The types of the events that archive a room.
const ARCHIVING: [&str; 3] = ["m.room.power_levels", "m.room.join_rules", ARCHIVED_EVENT];
/// The levels that close a room, beside those of `events`.
const CLOSED_LEVELS: [&str; 3] = ["events_default", "state_default", "invite"];

/// What an archived room was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchivedRow {
    /// The fields of the power levels that archiving changes, as JSON.
    levels: String,
    /// The join rules, as JSON.
    join_rules: String,
}

impl Chat {
    /// Closes a room to joins and posts.
    ///
    /// # Errors
    /// The user is not its owner, or the store failed.
    pub async fn archive(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let levels = self.check_level(snapshot, room, user_id, owners).await?;
        if !self.is_archived(snapshot, room).await? {
            let mut batch = Batch::new();
            ARCHIVED.insert(&mut batch, &(room.nid(),), &self.openness(snapshot, room).await?)?;
            self.store().commit(batch).await?;
        }
        let closed = match levels.user(user_id) {
            UserPowerLevel::Int(level) => level.into(),
            _ => i64::from(Int::MAX),
        };
        self.change_levels(room, user_id, |content| close(content, closed)).await?;
        let nobody = json!({ "join_rule": "invite" });
        self.send_state(room, user_id, "m.room.join_rules", &nobody).await?;
        self.send_state(room, user_id, ARCHIVED_EVENT, &json!({ "archived": true })).await?;
        self.audit(Audit::new(user_id, AuditAction::Archive).room(room.id())).await
    }

    /// Opens an archived room as it was.
    ///
    /// # Errors
    /// The room is not archived, the user is not its owner, or the store failed.
    pub async fn unarchive(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_level(snapshot, room, user_id, owners).await?;
        let row = ARCHIVED.get(snapshot, &(room.nid(),)).await?;
        let row = row.ok_or(ChatError::NotFound("archived room"))?;
        let before = parsed(&row.levels)?;
        self.change_levels(room, user_id, |content| {
            for field in CLOSED_LEVELS.into_iter().chain(["events"]) {
                match before.get(field) {
                    Some(value) => content.insert(field.to_owned(), value.clone()),
                    None => content.remove(field),
                };
            }
        })
        .await?;
        let rules = Value::Object(parsed(&row.join_rules)?);
        self.send_state(room, user_id, "m.room.join_rules", &rules).await?;
        self.send_state(room, user_id, ARCHIVED_EVENT, &json!({ "archived": false })).await?;
        let mut batch = Batch::new();
        ARCHIVED.replace(&mut batch, &(room.nid(),), Some(&row), None)?;
        let audit = Audit::new(user_id, AuditAction::Unarchive).room(room.id());
        self.write_audit(&mut batch, audit).await?;
        self.store().commit(batch).await?;
        Ok(())
    }

    /// Whether a room is archived.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_archived(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<bool, ChatError> {
        Ok(ARCHIVED.get(snapshot, &(room.nid(),)).await?.is_some())
    }

    /// Refuses whoever writes or comes in, its owner included, if a room is archived.
    ///
    /// # Errors
    /// [`ChatError::Archived`], or the store failed.
    pub async fn check_not_archived(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<(), ChatError> {
        match self.is_archived(snapshot, room).await? {
            true => Err(ChatError::Archived),
            false => Ok(()),
        }
    }

    /// What is open in a room.
    async fn openness(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<ArchivedRow, ChatError> {
        let levels = self.state_content(snapshot, room, "m.room.power_levels").await?;
        let mut levels = levels.unwrap_or_default();
        levels.retain(|field, _| CLOSED_LEVELS.contains(&field.as_str()) || field == "events");
        let rules = self.state_content(snapshot, room, "m.room.join_rules").await?;
        // A room without the event is one that people are invited to.
        let rules = rules.map_or_else(|| json!({ "join_rule": "invite" }), Value::Object);
        let levels = Value::Object(levels).to_string();
        Ok(ArchivedRow { levels, join_rules: rules.to_string() })
    }

    async fn state_content(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        kind: &str,
    ) -> Result<Option<Map<String, Value>>, ChatError> {
        let state = self.rooms().head(snapshot, room.nid()).await?.state;
        let event = self.rooms().state_event(snapshot, room.nid(), state, kind.into(), "").await?;
        Ok(event.and_then(|event| event.pdu().content_as()))
    }

    async fn send_state(
        &self,
        room: &Room,
        sender: &UserId,
        kind: &str,
        content: &Value,
    ) -> Result<(), ChatError> {
        let request = state_event(sender, kind, "", content)?;
        self.rooms().send(room, request).await?;
        Ok(())
    }

    async fn change_levels(
        &self,
        room: &Room,
        sender: &UserId,
        change: impl Fn(&mut Map<String, Value>) + Send + Sync,
    ) -> Result<(), ChatError> {
        let change = |content: &mut Map<String, Value>| -> Result<(), RoomsError> {
            change(content);
            Ok(())
        };
        let kind = StateEventType::RoomPowerLevels;
        self.rooms().change_state(room, sender, kind, "", change).await?;
        Ok(())
    }
}

/// What archiving a room needs: to be its owner, in deed as well.
fn owners(levels: &PowerLevels) -> Int {
    let needed = ARCHIVING.map(|kind| levels.event(&TimelineEventType::from(kind), true));
    needed.into_iter().fold(owner_level(), Int::max)
}

/// Raises to a level whatever takes less.
fn close(levels: &mut Map<String, Value>, closed: i64) {
    let raise = |level: &mut Value| {
        if level.as_i64().is_none_or(|level| level < closed) {
            *level = closed.into();
        }
    };
    for field in CLOSED_LEVELS {
        raise(levels.entry(field).or_insert(Value::Null));
    }
    let events = levels.entry("events").or_insert_with(|| Value::Object(Map::new()));
    if let Some(events) = events.as_object_mut() {
        for kind in ARCHIVING {
            events.entry(kind).or_insert(Value::Null);
        }
        events.values_mut().for_each(raise);
    }
}

fn parsed(content: &str) -> Result<Map<String, Value>, ChatError> {
    let parsed = serde_json::from_str(content);
    Ok(parsed.map_err(|error| StoreError::corrupt(Keyspace::Chat, error))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, fixture};

    async fn levels(fixture: &Fixture, room: &Room) -> Map<String, Value> {
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let kind = "m.room.power_levels";
        fixture.chat.state_content(snapshot.as_ref(), room, kind).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn an_archived_room_is_closed_and_opens_as_it_was() {
        let fixture = fixture();
        let room = fixture.public_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let carol = fixture.user("carol").await;
        let before = levels(&fixture, &room).await;
        fixture.chat.archive(&room, &bob).await.unwrap_err();
        fixture.chat.archive(&room, &alice).await.unwrap();
        fixture.chat.archive(&room, &alice).await.unwrap();
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        assert!(fixture.chat.is_archived(snapshot.as_ref(), &room).await.unwrap());
        fixture.say(&room, &bob, "closed").await.unwrap_err();
        fixture.try_join(&room, &carol).await.unwrap_err();
        fixture.chat.unarchive(&room, &alice).await.unwrap();
        fixture.chat.unarchive(&room, &alice).await.unwrap_err();
        assert_eq!(levels(&fixture, &room).await, before);
        fixture.say(&room, &bob, "open").await.unwrap();
        fixture.try_join(&room, &carol).await.unwrap();
    }

    #[tokio::test]
    async fn only_owners_archive_and_administrators_neither_post_nor_open() {
        let fixture = fixture();
        let room = fixture.public_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        fixture.set_level(&room, &bob, 50).await;
        let for_all = |content: &mut Map<String, Value>| {
            content["events"]["m.room.power_levels"] = 50.into();
            content["events"]["m.room.join_rules"] = 50.into();
        };
        fixture.chat.change_levels(&room, &alice, for_all).await.unwrap();
        let refused = fixture.chat.archive(&room, &bob).await.unwrap_err();
        assert!(matches!(refused, ChatError::Forbidden(_)), "{refused}");
        fixture.chat.archive(&room, &alice).await.unwrap();
        fixture.chat.unarchive(&room, &bob).await.unwrap_err();
        fixture.say(&room, &bob, "closed").await.unwrap_err();
        let open = |content: &mut Map<String, Value>| {
            content.insert("events_default".to_owned(), 0.into());
        };
        fixture.chat.change_levels(&room, &bob, open).await.unwrap_err();
        let public = json!({ "join_rule": "public" });
        for (kind, content) in [("m.room.join_rules", &public), (ARCHIVED_EVENT, &json!({}))] {
            fixture.chat.send_state(&room, &bob, kind, content).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn what_an_administrator_says_was_before_is_not_what_comes_back() {
        let fixture = fixture();
        let room = fixture.public_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        fixture.set_level(&room, &bob, 50).await;
        let before = levels(&fixture, &room).await;
        let forged = json!({ "levels": { "invite": 0, "events": { "m.room.power_levels": 0 } } });
        let forged = json!({ "archived": true, "before": forged });
        fixture.chat.send_state(&room, &bob, ARCHIVED_EVENT, &forged).await.unwrap();
        fixture.chat.unarchive(&room, &alice).await.unwrap_err();
        fixture.chat.archive(&room, &alice).await.unwrap();
        fixture.chat.unarchive(&room, &alice).await.unwrap();
        assert_eq!(levels(&fixture, &room).await, before);
    }
}
