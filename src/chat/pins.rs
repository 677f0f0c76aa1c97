//! Pinned messages: `m.room.pinned_events`, changed one at a time.

use hearth_rooms::{Room, RoomsError};
use ruma::{
    EventId, OwnedEventId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::{Map, Value};

use crate::{Chat, ChatError, limits::PINS_MAX};

impl Chat {
    /// Pins a message of a room.
    ///
    /// # Errors
    /// The user may not, cannot see the message, there are too many pins, or the store failed.
    pub async fn pin(
        &self,
        room: &Room,
        user_id: &UserId,
        event_id: &EventId,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let event = self.rooms().visible_event(snapshot.as_ref(), room, event_id, user_id).await?;
        if event.redacted_by().is_some() {
            return Err(ChatError::Gone("the message was deleted"));
        }
        self.change_pins(room, user_id, |pins| {
            if !pins.iter().any(|pin| pin == event_id.as_str()) {
                pins.push(event_id.as_str().into());
            }
        })
        .await
    }

    /// Takes a pin away.
    ///
    /// # Errors
    /// The user may not, or the store failed.
    pub async fn unpin(
        &self,
        room: &Room,
        user_id: &UserId,
        event_id: &EventId,
    ) -> Result<(), ChatError> {
        self.change_pins(room, user_id, |pins| pins.retain(|pin| pin != event_id.as_str())).await
    }

    /// What is pinned in a room.
    ///
    /// # Errors
    /// The user is not in the room, or the store failed.
    pub async fn pins(
        &self,
        room: &Room,
        user_id: &UserId,
    ) -> Result<Vec<OwnedEventId>, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_member(snapshot, room, user_id).await?;
        let (head, kind) =
            (self.rooms().head(snapshot, room.nid()).await?, StateEventType::RoomPinnedEvents);
        let event = self.rooms().state_event(snapshot, room.nid(), head.state, kind, "").await?;
        let content = event.and_then(|event| event.pdu().content_as::<Map<String, Value>>());
        let pinned = content.as_ref().and_then(|content| content.get("pinned")?.as_array());
        let ids = pinned.into_iter().flatten().filter_map(Value::as_str);
        Ok(ids.filter_map(|id| EventId::parse(id).ok()).take(PINS_MAX).collect())
    }

    async fn change_pins(
        &self,
        room: &Room,
        user_id: &UserId,
        change: impl Fn(&mut Vec<Value>) + Send + Sync,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let needed = TimelineEventType::RoomPinnedEvents;
        let level = |levels: &hearth_rules::PowerLevels| levels.event(&needed, true);
        self.check_level(snapshot.as_ref(), room, user_id, level).await?;
        let change = |content: &mut Map<String, Value>| {
            let pinned = content.entry("pinned").or_insert_with(|| Value::Array(Vec::new()));
            if !pinned.is_array() {
                *pinned = Value::Array(Vec::new());
            }
            if let Value::Array(pins) = pinned {
                change(pins);
                if pins.len() > PINS_MAX {
                    return Err(RoomsError::TooLarge("there are too many pins".to_owned()));
                }
            }
            Ok(())
        };
        let kind = StateEventType::RoomPinnedEvents;
        self.rooms().change_state(room, user_id, kind, "", change).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::fixture;

    #[tokio::test]
    async fn pins_come_and_go_one_at_a_time() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let one = fixture.say(&room, &bob, "one").await.unwrap();
        let two = fixture.say(&room, &bob, "two").await.unwrap();
        for event_id in [&one, &two, &one] {
            fixture.chat.pin(&room, &alice, event_id).await.unwrap();
        }
        let pins = fixture.chat.pins(&room, &bob).await.unwrap();
        assert_eq!(pins, [one.clone(), two.clone()]);
        fixture.chat.unpin(&room, &alice, &one).await.unwrap();
        assert_eq!(fixture.chat.pins(&room, &bob).await.unwrap(), [two]);
        fixture.chat.pin(&room, &bob, &one).await.unwrap_err();
    }
}
