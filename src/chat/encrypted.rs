//! Encrypted rooms: nobody writes there in plain text, which their members trust is not there.

use hearth_rooms::{Room, Snapshot};

use crate::{Chat, ChatError};

impl Chat {
    /// Refuses what would be written in plain text if the messages of a room are encrypted.
    ///
    /// # Errors
    /// [`ChatError::Encrypted`], or the store failed.
    pub async fn check_not_encrypted(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<(), ChatError> {
        let head = self.rooms().head(snapshot, room.nid()).await?;
        match self.rooms().look(snapshot, room, &head).await?.encrypted {
            true => Err(ChatError::Encrypted),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::Secret;
    use hearth_rooms::state_event;
    use serde_json::json;

    use super::*;
    use crate::{SlackMessage, testing::fixture};

    #[tokio::test]
    async fn a_webhook_does_not_write_into_an_encrypted_room() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let alice = fixture.id("alice");
        let (webhook, secret) = fixture.chat.create_webhook(&room, &alice, "CI").await.unwrap();
        let message = SlackMessage { text: Some("red".to_owned()), ..SlackMessage::default() };
        let post = async |secret: &Secret| {
            fixture.chat.post_to_webhook(&webhook.id, secret, &message).await
        };
        post(&secret).await.unwrap();
        let algorithm = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
        let encryption = state_event(&alice, "m.room.encryption", "", &algorithm).unwrap();
        fixture.rooms.send(&room, encryption).await.unwrap();
        let refused = post(&secret).await.unwrap_err();
        assert!(matches!(refused, ChatError::Encrypted), "{refused}");
    }
}
