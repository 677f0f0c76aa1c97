//! The audit log: what moderators and administrators did, in its order, for administrators.

use hearth_store::{Batch, Direction};
use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Chat, ChatError,
    limits::{PAGE_ENTRIES_MAX, REASON_BYTES_MAX},
    tables::AUDIT,
};

/// What somebody did.
///
/// New kinds are appended at the end: the order is part of the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Made an invite code.
    CreateInvite,
    /// Took an invite code back.
    RevokeInvite,
    /// Muted somebody.
    Mute,
    /// Muted somebody for some minutes.
    TimeOut,
    /// Ended a mute.
    Unmute,
    /// Removed somebody from a room.
    Kick,
    /// Banned somebody from a room.
    Ban,
    /// Lifted a ban.
    Unban,
    /// Closed a room to joins and posts.
    Archive,
    /// Opened an archived room.
    Unarchive,
    /// Dealt with a report.
    ResolveReport,
    /// Deleted a message.
    DeleteMessage,
    /// Suspended an account.
    Suspend,
    /// Read a room without being in it.
    ReadRoom,
    /// Made a webhook.
    CreateWebhook,
    /// Took a webhook back.
    RevokeWebhook,
}

/// What is to be written to the log.
#[derive(Clone, Debug)]
pub struct Audit {
    actor: OwnedUserId,
    action: AuditAction,
    room_id: Option<OwnedRoomId>,
    user_id: Option<OwnedUserId>,
    event_id: Option<OwnedEventId>,
    reason: Option<String>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Who.
    pub actor: OwnedUserId,
    /// What.
    pub action: AuditAction,
    /// In which room.
    pub room_id: Option<OwnedRoomId>,
    /// To whom.
    pub user_id: Option<OwnedUserId>,
    /// Because of, or to, which event.
    pub event_id: Option<OwnedEventId>,
    /// Why.
    pub reason: Option<String>,
}

impl Audit {
    /// Somebody did something.
    #[must_use]
    pub fn new(actor: &UserId, action: AuditAction) -> Self {
        let actor = actor.to_owned();
        Self { actor, action, room_id: None, user_id: None, event_id: None, reason: None }
    }

    /// In a room.
    #[must_use]
    pub fn room(self, room_id: &RoomId) -> Self {
        Self { room_id: Some(room_id.to_owned()), ..self }
    }

    /// To a user.
    #[must_use]
    pub fn user(self, user_id: &UserId) -> Self {
        Self { user_id: Some(user_id.to_owned()), ..self }
    }

    /// To an event.
    #[must_use]
    pub fn event(self, event_id: &EventId) -> Self {
        Self { event_id: Some(event_id.to_owned()), ..self }
    }

    /// For a reason; a very long one is cut.
    #[must_use]
    pub fn reason(self, reason: Option<&str>) -> Self {
        let cut = |reason: &str| reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned();
        Self { reason: reason.map(cut), ..self }
    }
}

impl Chat {
    /// Writes an entry on its own, for what has no other row.
    ///
    /// # Errors
    /// The store failed.
    pub async fn audit(&self, audit: Audit) -> Result<(), ChatError> {
        let mut batch = Batch::new();
        self.write_audit(&mut batch, audit).await?;
        self.store().commit(batch).await?;
        Ok(())
    }

    /// Adds an entry to the batch that does what it is about.
    pub(crate) async fn write_audit(
        &self,
        batch: &mut Batch,
        audit: Audit,
    ) -> Result<(), ChatError> {
        let number = self.audit_numbers().next().await?;
        let Audit { actor, action, room_id, user_id, event_id, reason } = audit;
        let at_ms = self.now_ms();
        let entry = AuditEntry { at_ms, actor, action, room_id, user_id, event_id, reason };
        Ok(AUDIT.insert(batch, &(number,), &entry)?)
    }

    /// The latest entries with their numbers, the newest first; those before `before`, if given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn audit_log(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, ChatError> {
        let snapshot = self.snapshot().await?;
        let range = AUDIT.between(&(0,), &(before.unwrap_or(u64::MAX),));
        let (limit, backward) = (limit.clamp(1, PAGE_ENTRIES_MAX), Direction::Backward);
        let rows = AUDIT.scan(snapshot.as_ref(), &range, backward, limit).await?;
        Ok(rows.into_iter().map(|((number,), entry)| (number, entry)).collect())
    }
}
