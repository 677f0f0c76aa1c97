//! Archived rooms: they can be read, and nobody joins or writes any more.
//!
//! What is closed is the room itself: its levels and its join rule. What they were stands in a
//! state event of the room, which is written first: an interrupted change can be made again.

use hearth_rooms::{Room, RoomsError, Snapshot, state_event};
use hearth_rules::PowerLevels;
use ruma::{
    Int, UserId,
    events::{StateEventType, TimelineEventType, room::power_levels::UserPowerLevel},
};
use serde_json::{Map, Value, json};

use crate::{AuditAction, Chat, ChatError, audit::Audit};

/// The type of the state event that says that a room is archived.
const ARCHIVED: &str = "org.hearth.archived";
/// The levels that close a room.
const CLOSED_LEVELS: [&str; 2] = ["events_default", "invite"];
/// The events that a room may let members send although its default does not.
const CLOSED_EVENTS: [&str; 3] = ["m.room.message", "m.reaction", "m.sticker"];

impl Chat {
    /// Closes a room to joins and posts.
    ///
    /// # Errors
    /// The user is not its owner, or the store failed.
    pub async fn archive(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let levels = self.check_level(snapshot, room, user_id, set_levels).await?;
        let before = match self.archived_before(snapshot, room).await? {
            Some(before) => before,
            None => self.openness(snapshot, room).await?,
        };
        let content = json!({ "archived": true, "before": before });
        self.send_state(room, user_id, ARCHIVED, &content).await?;
        let closed = match levels.user(user_id) {
            UserPowerLevel::Int(level) => level.into(),
            _ => i64::from(Int::MAX),
        };
        self.change_levels(room, user_id, |content| {
            for field in CLOSED_LEVELS {
                content.insert(field.to_owned(), closed.into());
            }
            if let Some(Value::Object(events)) = content.get_mut("events") {
                for (kind, level) in events.iter_mut() {
                    if CLOSED_EVENTS.contains(&kind.as_str()) {
                        *level = closed.into();
                    }
                }
            }
        })
        .await?;
        self.send_state(room, user_id, "m.room.join_rules", &json!({ "join_rule": "invite" }))
            .await?;
        self.audit(Audit::new(user_id, AuditAction::Archive).room(room.id())).await
    }

    /// Opens an archived room as it was.
    ///
    /// # Errors
    /// The room is not archived, the user is not its owner, or the store failed.
    pub async fn unarchive(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_level(snapshot, room, user_id, set_levels).await?;
        let before = self.archived_before(snapshot, room).await?;
        let before = before.ok_or(ChatError::NotFound("archived room"))?;
        let levels = before.get("levels").cloned().unwrap_or_default();
        self.change_levels(room, user_id, |content| {
            for field in CLOSED_LEVELS.into_iter().chain(["events"]) {
                match levels.get(field) {
                    Some(value) => content.insert(field.to_owned(), value.clone()),
                    None => content.remove(field),
                };
            }
        })
        .await?;
        let invite = json!({ "join_rule": "invite" });
        let rule = before.get("join_rules").unwrap_or(&invite);
        self.send_state(room, user_id, "m.room.join_rules", rule).await?;
        self.send_state(room, user_id, ARCHIVED, &json!({ "archived": false })).await?;
        self.audit(Audit::new(user_id, AuditAction::Unarchive).room(room.id())).await
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
        Ok(self.archived_before(snapshot, room).await?.is_some())
    }

    /// What an archived room was before; `None` if it is not archived.
    async fn archived_before(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<Option<Map<String, Value>>, ChatError> {
        let content = self.state_content(snapshot, room, ARCHIVED).await?.unwrap_or_default();
        let is_archived = content.get("archived") == Some(&Value::Bool(true));
        let before = content.get("before").and_then(Value::as_object).cloned();
        Ok(is_archived.then(|| before.unwrap_or_default()))
    }

    /// What is open in a room.
    async fn openness(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<Map<String, Value>, ChatError> {
        let levels = self.state_content(snapshot, room, "m.room.power_levels").await?;
        let mut levels = levels.unwrap_or_default();
        levels.retain(|field, _| CLOSED_LEVELS.contains(&field.as_str()) || field == "events");
        let rules = self.state_content(snapshot, room, "m.room.join_rules").await?;
        let mut before = Map::from_iter([("levels".to_owned(), Value::Object(levels))]);
        if let Some(rules) = rules {
            before.insert("join_rules".to_owned(), Value::Object(rules));
        }
        Ok(before)
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

/// The level that changing the levels needs.
fn set_levels(levels: &PowerLevels) -> Int {
    levels.event(&TimelineEventType::RoomPowerLevels, true)
}

#[cfg(test)]
mod tests {
    use crate::testing::fixture;

    #[tokio::test]
    async fn an_archived_room_is_closed_and_opens_as_it_was() {
        let fixture = fixture();
        let room = fixture.public_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let carol = fixture.user("carol").await;
        fixture.chat.archive(&room, &bob).await.unwrap_err();
        fixture.chat.archive(&room, &alice).await.unwrap();
        fixture.chat.archive(&room, &alice).await.unwrap();
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        assert!(fixture.chat.is_archived(snapshot.as_ref(), &room).await.unwrap());
        fixture.say(&room, &bob, "closed").await.unwrap_err();
        fixture.try_join(&room, &carol).await.unwrap_err();
        fixture.chat.unarchive(&room, &alice).await.unwrap();
        fixture.chat.unarchive(&room, &alice).await.unwrap_err();
        fixture.say(&room, &bob, "open").await.unwrap();
        fixture.try_join(&room, &carol).await.unwrap();
    }
}
