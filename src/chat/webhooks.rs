//! Incoming webhooks: whoever knows the secret address posts to a room.
//!
//! Each webhook speaks as a user of its own without a password, a member of the room like others:
//! so both APIs show who speaks, and muting, kicking and banning hold for it. Of the secret only a
//! hash is stored.

use hearth_accounts::NewUser;
use hearth_base::{RoomNid, Secret};
use hearth_rooms::{EventRequest, Room};
use hearth_store::Batch;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId, events::TimelineEventType};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::to_raw_value};
use subtle::ConstantTimeEq;

use crate::{
    AuditAction, Chat, ChatError, SlackMessage,
    audit::Audit,
    limits::{ROOM_WEBHOOKS_MAX, WEBHOOK_NAME_BYTES_MAX, WEBHOOK_SECRET_CHARACTERS},
    tables::{ROOM_WEBHOOKS, WEBHOOKS},
};

/// Length of the id of a webhook.
const ID_CHARACTERS: usize = 12;
/// Where the name under which a webhook speaks is kept in its messages (MSC4144).
const MESSAGE_PROFILE: &str = "com.beeper.per_message_profile";

/// An incoming webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id, the public part of its address.
    pub id: String,
    /// Where it posts.
    pub room_id: OwnedRoomId,
    /// What it is called.
    pub name: String,
    /// As whom it posts.
    pub user_id: OwnedUserId,
    /// Who made it.
    pub creator: OwnedUserId,
    /// When, in Unix milliseconds.
    pub created_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WebhookRow {
    room: RoomNid,
    name: String,
    user_id: OwnedUserId,
    creator: OwnedUserId,
    created_ms: u64,
    secret_hash: [u8; 32],
}

impl WebhookRow {
    fn named(self, id: &str, room_id: OwnedRoomId) -> Webhook {
        let Self { name, user_id, creator, created_ms, .. } = self;
        Webhook { id: id.to_owned(), room_id, name, user_id, creator, created_ms }
    }
}

impl Chat {
    /// Makes a webhook, and tells its secret, this once.
    ///
    /// # Errors
    /// The user is no administrator of the room, the name is too long, the room has too many
    /// webhooks, or the store failed.
    pub async fn create_webhook(
        &self,
        room: &Room,
        creator: &UserId,
        name: &str,
    ) -> Result<(Webhook, Secret), ChatError> {
        let name = name.trim();
        if name.is_empty() || name.len() > WEBHOOK_NAME_BYTES_MAX {
            let bounds = format!("between 1 and {WEBHOOK_NAME_BYTES_MAX} bytes");
            return Err(ChatError::invalid("name", bounds));
        }
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_admin(snapshot, room, creator).await?;
        self.check_not_direct(room, creator).await?;
        let range = ROOM_WEBHOOKS.prefix(&(room.nid(),));
        if ROOM_WEBHOOKS.scan_all(snapshot, &range).await?.len() >= ROOM_WEBHOOKS_MAX {
            return Err(ChatError::TooMany("webhooks of this room"));
        }
        let id = self.random().alphanumeric(ID_CHARACTERS).to_ascii_lowercase();
        let secret = Secret::new(self.random().alphanumeric(WEBHOOK_SECRET_CHARACTERS));
        let user_id = self.accounts().new_user_id(&format!("webhook-{id}"))?;
        self.accounts().create_user(&user_id, NewUser::default()).await?;
        let display_name = name.into();
        self.accounts().set_profile_field(&user_id, "displayname", Some(&display_name)).await?;
        let row = WebhookRow {
            room: room.nid(),
            name: name.to_owned(),
            user_id: user_id.clone(),
            creator: creator.to_owned(),
            created_ms: self.now_ms(),
            secret_hash: hash(secret.expose()),
        };
        let mut batch = Batch::new();
        WEBHOOKS.insert(&mut batch, &(id.as_str(),), &row)?;
        ROOM_WEBHOOKS.put(&mut batch, &(room.nid(), id.as_str()), &())?;
        let audit = Audit::new(creator, AuditAction::CreateWebhook).room(room.id());
        self.write_audit(&mut batch, audit).await?;
        self.store().commit(batch).await?;
        if let Err(error) = self.let_in(room, creator, &user_id).await {
            self.forget_webhook(&id, &row, None).await?;
            return Err(error);
        }
        Ok((row.named(&id, room.id().to_owned()), secret))
    }

    /// The webhooks of a room, for its administrators.
    ///
    /// # Errors
    /// The user is no administrator of the room, or the store failed.
    pub async fn webhooks(&self, room: &Room, user_id: &UserId) -> Result<Vec<Webhook>, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_admin(snapshot, room, user_id).await?;
        let ids = ROOM_WEBHOOKS.scan_all(snapshot, &ROOM_WEBHOOKS.prefix(&(room.nid(),))).await?;
        let keys = ids.iter().map(|((_, id), ())| (id.as_str(),));
        let rows = WEBHOOKS.get_many(snapshot, keys).await?;
        let known = ids.iter().zip(rows).filter_map(|(((_, id), ()), row)| Some((id, row?)));
        Ok(known.map(|(id, row)| row.named(id, room.id().to_owned())).collect())
    }

    /// Takes a webhook back: its address is nobody's any more, and its user leaves.
    ///
    /// # Errors
    /// The room has no such webhook, the user is no administrator of it, or the store failed.
    pub async fn revoke_webhook(
        &self,
        room: &Room,
        user_id: &UserId,
        id: &str,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_admin(snapshot, room, user_id).await?;
        let row = WEBHOOKS.get(snapshot, &(id,)).await?.filter(|row| row.room == room.nid());
        let row = row.ok_or(ChatError::NotFound("webhook"))?;
        let audit = Audit::new(user_id, AuditAction::RevokeWebhook).room(room.id());
        self.forget_webhook(id, &row, Some(audit)).await?;
        if self.rooms().is_joined(snapshot, room.nid(), &row.user_id).await? {
            self.rooms().leave(room, &row.user_id, None).await?;
        }
        Ok(())
    }

    async fn forget_webhook(
        &self,
        id: &str,
        row: &WebhookRow,
        audit: Option<Audit>,
    ) -> Result<(), ChatError> {
        let mut batch = Batch::new();
        WEBHOOKS.delete(&mut batch, &(id,));
        ROOM_WEBHOOKS.delete(&mut batch, &(row.room, id));
        if let Some(audit) = audit {
            self.write_audit(&mut batch, audit).await?;
        }
        self.store().commit(batch).await?;
        self.accounts().deactivate(&row.user_id, false).await?;
        Ok(())
    }

    /// Whether somebody knows the address of a webhook.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] if there is no such webhook or the secret is another's, or the store
    /// failed.
    pub async fn check_webhook_secret(&self, id: &str, secret: &Secret) -> Result<(), ChatError> {
        self.addressed_webhook(id, secret).await.map(drop)
    }

    async fn addressed_webhook(&self, id: &str, secret: &Secret) -> Result<WebhookRow, ChatError> {
        let snapshot = self.snapshot().await?;
        let row = match id.len() {
            ID_CHARACTERS => WEBHOOKS.get(snapshot.as_ref(), &(id,)).await?,
            _ => None,
        };
        let is_right = |row: &WebhookRow| hash(secret.expose()).ct_eq(&row.secret_hash).into();
        row.filter(is_right).ok_or(ChatError::NotFound("webhook"))
    }

    /// Posts what was sent to the address of a webhook.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] if there is no such webhook or the secret is another's, the message
    /// says nothing or too much, the room refuses it, or the store failed.
    pub async fn post_to_webhook(
        &self,
        id: &str,
        secret: &Secret,
        message: &SlackMessage,
    ) -> Result<OwnedEventId, ChatError> {
        let row = self.addressed_webhook(id, secret).await?;
        let room = self.room(row.room).await?;
        self.check_not_encrypted(self.snapshot().await?.as_ref(), &room).await?;
        let text = message.to_text()?;
        let (name, icon_url) = message.sender()?;
        let mut content = json!({ "msgtype": "m.text", "body": text, "m.mentions": {} });
        if name.is_some() || icon_url.is_some() {
            let name = name.unwrap_or(&row.name);
            content[MESSAGE_PROFILE] = json!({ "id": name, "displayname": name });
        }
        if let Some(icon_url) = icon_url {
            content[MESSAGE_PROFILE]["icon_url"] = icon_url.into();
        }
        let content = to_raw_value(&content);
        let request = EventRequest {
            sender: row.user_id,
            event_type: TimelineEventType::RoomMessage,
            state_key: None,
            content: content.map_err(|error| ChatError::invalid("text", error.to_string()))?,
            redacts: None,
            transaction: None,
            origin_server_ts: None,
        };
        Ok(self.rooms().send(&room, request).await?.event_id)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn who_knows_the_secret_posts_until_it_is_revoked() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let chat = &fixture.chat;
        chat.create_webhook(&room, &bob, "builds").await.unwrap_err();
        chat.create_webhook(&room, &alice, " ").await.unwrap_err();
        let (webhook, secret) = chat.create_webhook(&room, &alice, "builds").await.unwrap();
        assert_eq!(chat.webhooks(&room, &alice).await.unwrap(), std::slice::from_ref(&webhook));
        let message = SlackMessage {
            text: Some("it is red".to_owned()),
            username: Some("CI".to_owned()),
            ..SlackMessage::default()
        };
        for (id, secret) in [(&*webhook.id, &Secret::new("guess")), ("nonesuch", &secret)] {
            let refused = chat.post_to_webhook(id, secret, &message).await.unwrap_err();
            assert!(matches!(refused, ChatError::NotFound(_)), "{refused}");
        }
        let event_id = chat.post_to_webhook(&webhook.id, &secret, &message).await.unwrap();
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let event = fixture.rooms.event_by_id(snapshot.as_ref(), &event_id).await.unwrap();
        let event = event.unwrap();
        assert_eq!(event.pdu().sender(), webhook.user_id);
        let content: serde_json::Value = event.pdu().content_as().unwrap();
        assert_eq!(content["body"], "it is red");
        assert_eq!(content[MESSAGE_PROFILE]["displayname"], "CI");

        chat.revoke_webhook(&room, &bob, &webhook.id).await.unwrap_err();
        chat.revoke_webhook(&room, &alice, &webhook.id).await.unwrap();
        chat.post_to_webhook(&webhook.id, &secret, &message).await.unwrap_err();
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let user_id = &webhook.user_id;
        assert!(!fixture.rooms.is_joined(snapshot.as_ref(), room.nid(), user_id).await.unwrap());
    }
}
