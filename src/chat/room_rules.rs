//! The rules of a room: shown to who joins, and where required accepted before the first post.
//!
//! The rules are a state event, so both APIs show the same ones; changed rules have to be accepted
//! again. Who accepted which is remembered here. Administrators of the room need not.
//!
//! Deliberately absent: holding those back who post through Matrix, where nobody can accept.

use hearth_base::EventNid;
use hearth_rooms::{Room, Snapshot, state_event};
use hearth_store::Batch;
use ruma::{UserId, events::TimelineEventType};
use serde::Deserialize;
use serde_json::json;

use crate::{Chat, ChatError, authority::admin_level, tables::RULES_ACCEPTED};

/// The type of the state event.
const ROOM_RULES: &str = "org.hearth.room_rules";
/// Longest rules in characters.
const RULES_CHARACTERS_MAX: usize = 10_000;

/// The rules of a room, as one of its members sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRules {
    /// What they say.
    pub text: String,
    /// Whether members have to accept them before they post.
    pub is_required: bool,
    /// Whether the member did.
    pub is_accepted: bool,
}

#[derive(Deserialize)]
struct Content {
    text: String,
    #[serde(default)]
    required: bool,
}

impl Chat {
    /// Sets the rules of a room; an empty text takes them away.
    ///
    /// # Errors
    /// The user may not, they are too long, or the store failed.
    pub async fn set_room_rules(
        &self,
        room: &Room,
        user_id: &UserId,
        text: &str,
        is_required: bool,
    ) -> Result<(), ChatError> {
        if text.chars().count() > RULES_CHARACTERS_MAX {
            let most = format!("at most {RULES_CHARACTERS_MAX} characters");
            return Err(ChatError::invalid("text", most));
        }
        let kind = TimelineEventType::from(ROOM_RULES);
        let snapshot = self.snapshot().await?;
        let needed = |levels: &hearth_rules::PowerLevels| levels.event(&kind, true);
        self.check_level(snapshot.as_ref(), room, user_id, needed).await?;
        let content = match text.trim() {
            "" => json!({}),
            text => json!({ "text": text, "required": is_required }),
        };
        self.rooms().send(room, state_event(user_id, ROOM_RULES, "", &content)?).await?;
        Ok(())
    }

    /// The rules of a room, if it has any, for one of its members or who may become one.
    ///
    /// # Errors
    /// The user is not in the room and may not join it, or the store failed.
    pub async fn room_rules(
        &self,
        room: &Room,
        user_id: &UserId,
    ) -> Result<Option<RoomRules>, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        if !self.may_join_alone(snapshot, room, user_id).await? {
            self.check_member(snapshot, room, user_id).await?;
        }
        let Some((nid, content)) = self.present_rules(snapshot, room).await? else {
            return Ok(None);
        };
        let accepted = RULES_ACCEPTED.get(snapshot, &(room.nid(), user_id)).await?;
        let Content { text, required } = content;
        let is_accepted = accepted == Some(nid);
        Ok(Some(RoomRules { text, is_required: required, is_accepted }))
    }

    /// The text of the rules of a room, if it has any, and whether they have to be accepted; for
    /// whoever may see the room itself.
    ///
    /// # Errors
    /// The store failed.
    pub async fn shown_rules(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<Option<(String, bool)>, ChatError> {
        let rules = self.present_rules(snapshot, room).await?;
        Ok(rules.map(|(_, Content { text, required })| (text, required)))
    }

    /// A member accepts the rules that the room has now.
    ///
    /// # Errors
    /// The user is not in the room, it has no rules, or the store failed.
    pub async fn accept_room_rules(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_member(snapshot, room, user_id).await?;
        let rules = self.present_rules(snapshot, room).await?;
        let (nid, _) = rules.ok_or(ChatError::NotFound("rules"))?;
        let mut batch = Batch::new();
        RULES_ACCEPTED.put(&mut batch, &(room.nid(), user_id), &nid)?;
        self.store().commit(batch).await?;
        Ok(())
    }

    /// Refuses to let somebody post where nobody does any more, or who has to accept the rules
    /// first.
    ///
    /// # Errors
    /// [`ChatError::Archived`], [`ChatError::RulesNotAccepted`], or the store failed.
    pub async fn check_may_post(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_member(snapshot, room, user_id).await?;
        self.check_not_archived(snapshot, room).await?;
        let Some((nid, Content { required: true, .. })) =
            self.present_rules(snapshot, room).await?
        else {
            return Ok(());
        };
        if RULES_ACCEPTED.get(snapshot, &(room.nid(), user_id)).await? == Some(nid)
            || self.levels(snapshot, room).await?.user(user_id) >= admin_level()
        {
            return Ok(());
        }
        Err(ChatError::RulesNotAccepted)
    }

    async fn present_rules(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<Option<(EventNid, Content)>, ChatError> {
        let state = self.rooms().head(snapshot, room.nid()).await?.state;
        let kind = ROOM_RULES.into();
        let event = self.rooms().state_event(snapshot, room.nid(), state, kind, "").await?;
        Ok(event.and_then(|event| Some((event.nid(), event.pdu().content_as()?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn required_rules_are_accepted_before_the_first_post() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let chat = &fixture.chat;
        assert_eq!(chat.room_rules(&room, &bob).await.unwrap(), None);
        chat.check_may_post(&room, &bob).await.unwrap();
        chat.accept_room_rules(&room, &bob).await.unwrap_err();
        chat.set_room_rules(&room, &bob, "mine", true).await.unwrap_err();
        for text in ["be kind", "be very kind"] {
            chat.set_room_rules(&room, &alice, text, true).await.unwrap();
            let refused = chat.check_may_post(&room, &bob).await.unwrap_err();
            assert!(matches!(refused, ChatError::RulesNotAccepted), "{refused}");
            chat.check_may_post(&room, &alice).await.unwrap();
            chat.accept_room_rules(&room, &bob).await.unwrap();
            chat.check_may_post(&room, &bob).await.unwrap();
            let rules = chat.room_rules(&room, &bob).await.unwrap().unwrap();
            assert_eq!((rules.text.as_str(), rules.is_accepted), (text, true));
        }
        chat.set_room_rules(&room, &alice, "please", false).await.unwrap();
        chat.check_may_post(&room, &bob).await.unwrap();
        chat.set_room_rules(&room, &alice, " ", true).await.unwrap();
        assert_eq!(chat.room_rules(&room, &bob).await.unwrap(), None);
    }
}
