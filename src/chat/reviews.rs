//! The review of what users reported, by administrators of the server.
//!
//! The reports are those of the Matrix API too (`hearth_rooms::Report`); here is what became of
//! them. What an administrator decides about a room without being in it is sent by a member of the
//! room who may; the audit log says who decided.

use hearth_rooms::{EventRequest, Report, Reported, Room};
use hearth_rules::PowerLevels;
use hearth_store::{Batch, CommitError};
use ruma::{
    EventId, Int, OwnedUserId, RoomId, UserId,
    events::{TimelineEventType, room::power_levels::UserPowerLevel},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::to_raw_value};

use crate::{
    AuditAction, Chat, ChatError, audit::Audit, limits::PAGE_ENTRIES_MAX, mutes::check_reason,
    tables::RESOLUTIONS,
};

/// What is done about a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewAction {
    /// Nothing.
    Dismiss,
    /// The reported message is deleted.
    DeleteMessage,
    /// Who sent the reported message is removed from the room.
    Kick,
    /// Who sent the reported message is banned from the room.
    Ban,
    /// The reported user, or who sent the reported message, can only read from now on.
    Suspend,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Who dealt with it.
    pub by: OwnedUserId,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// What was done.
    pub action: ReviewAction,
    /// Why.
    pub note: Option<String>,
}

/// A report, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The report's number.
    pub number: u64,
    /// What was reported.
    pub report: Report,
    /// What became of it; `None` if it waits.
    pub resolution: Option<Resolution>,
}

impl Chat {
    /// The latest reports, the newest first; those before `before`, if given, and if `open` only
    /// those that wait.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reviews(
        &self,
        open: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Review>, ChatError> {
        let limit = limit.clamp(1, PAGE_ENTRIES_MAX);
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let (mut found, mut before) = (Vec::new(), before);
        // There are only so many reports that a look at all of them ends.
        while found.len() < limit {
            let reports = self.rooms().reports(snapshot, before, PAGE_ENTRIES_MAX).await?;
            let Some((last, _)) = reports.last() else {
                break;
            };
            before = Some(*last);
            let keys = reports.iter().map(|(number, _)| (*number,));
            let resolutions = RESOLUTIONS.get_many(snapshot, keys).await?;
            let reviews = reports.into_iter().zip(resolutions);
            let reviews =
                reviews.map(|((number, report), resolution)| Review { number, report, resolution });
            let wanted = reviews.filter(|review| !open || review.resolution.is_none());
            found.extend(wanted.take(limit - found.len()));
        }
        Ok(found)
    }

    /// A report, and what became of it.
    ///
    /// # Errors
    /// There is no such report, or the store failed.
    pub async fn review(&self, number: u64) -> Result<Review, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let found = self.rooms().reports(snapshot, number.checked_add(1), 1).await?;
        let found = found.into_iter().find(|(known, _)| *known == number);
        let (number, report) = found.ok_or(ChatError::NotFound("report"))?;
        let resolution = RESOLUTIONS.get(snapshot, &(number,)).await?;
        Ok(Review { number, report, resolution })
    }

    /// Deals with a report. That `admin` is an administrator is for the caller to know.
    ///
    /// # Errors
    /// There is no such report or somebody dealt with it, the action does not fit what was
    /// reported or cannot be done, or the store failed.
    pub async fn resolve_report(
        &self,
        number: u64,
        admin: &UserId,
        action: ReviewAction,
        note: Option<&str>,
    ) -> Result<Resolution, ChatError> {
        check_reason(note)?;
        let review = self.review(number).await?;
        if review.resolution.is_some() {
            return Err(ChatError::Gone("the report was dealt with"));
        }
        let audit = self.act_on(&review.report.reported, admin, action).await?;
        let (by, at_ms) = (admin.to_owned(), self.now_ms());
        let resolution = Resolution { by, at_ms, action, note: note.map(str::to_owned) };
        let mut batch = Batch::new();
        RESOLUTIONS.insert(&mut batch, &(number,), &resolution)?;
        self.write_audit(&mut batch, audit.reason(note)).await?;
        match self.store().commit(batch).await {
            Ok(_) => Ok(resolution),
            Err(CommitError::Conflict { .. }) => Err(ChatError::Gone("the report was dealt with")),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Does what was decided; doing it twice does no harm.
    async fn act_on(
        &self,
        reported: &Reported,
        admin: &UserId,
        action: ReviewAction,
    ) -> Result<Audit, ChatError> {
        let unfit = || ChatError::invalid("action", "it does not fit what was reported");
        let audit = |action| Audit::new(admin, action);
        match (action, reported) {
            (ReviewAction::Dismiss, _) => Ok(audit(AuditAction::ResolveReport)),
            (ReviewAction::DeleteMessage, Reported::Event { room_id, event_id, .. }) => {
                self.delete_reported(room_id, event_id).await?;
                Ok(audit(AuditAction::DeleteMessage).room(room_id).event(event_id))
            }
            (ReviewAction::Kick, Reported::Event { room_id, sender, .. }) => {
                let (room, by) = self.above_in(room_id, sender, PowerLevels::kick).await?;
                self.rooms().kick(&room, &by, sender, Some(BY_THE_SERVER)).await?;
                Ok(audit(AuditAction::Kick).room(room_id).user(sender))
            }
            (ReviewAction::Ban, Reported::Event { room_id, sender, .. }) => {
                let (room, by) = self.above_in(room_id, sender, PowerLevels::ban).await?;
                self.rooms().ban(&room, &by, sender, Some(BY_THE_SERVER)).await?;
                Ok(audit(AuditAction::Ban).room(room_id).user(sender))
            }
            (ReviewAction::Suspend, Reported::Event { sender: user_id, .. })
            | (ReviewAction::Suspend, Reported::User(user_id)) => {
                let account = self.accounts().user(user_id).await?;
                let account = account.ok_or(ChatError::NotFound("user"))?;
                if account.is_admin {
                    return Err(ChatError::forbidden("the user is an administrator"));
                }
                self.accounts().set_suspended(user_id, true).await?;
                Ok(audit(AuditAction::Suspend).user(user_id))
            }
            _ => Err(unfit()),
        }
    }

    /// A room, and a member of it who has the level that `needed` picks and more than `user_id`.
    async fn above_in(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
        needed: impl Fn(&PowerLevels) -> Int,
    ) -> Result<(Room, OwnedUserId), ChatError> {
        let room = self.rooms().existing_room(room_id).await?;
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let levels = self.levels(snapshot, &room).await?;
        let above = match levels.user(user_id) {
            UserPowerLevel::Int(level) => Int::new_saturating(i64::from(level) + 1),
            _ => Int::MAX,
        };
        let level = needed(&levels).max(above);
        let found = self.rooms().member_with_level(snapshot, &room, &levels, level).await?;
        let found = found.ok_or_else(|| ChatError::forbidden("nobody in this room may do this"))?;
        Ok((room, found))
    }

    async fn delete_reported(&self, room_id: &RoomId, event_id: &EventId) -> Result<(), ChatError> {
        let room = self.rooms().existing_room(room_id).await?;
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let event = self.rooms().event_in_room(snapshot, room.nid(), event_id).await?;
        if event.redacted_by().is_some() {
            return Ok(());
        }
        let levels = self.levels(snapshot, &room).await?;
        let kind = TimelineEventType::RoomRedaction;
        let level = levels.redact().max(levels.event(&kind, false));
        let sender = self.rooms().member_with_level(snapshot, &room, &levels, level).await?;
        let content = to_raw_value(&json!({ "reason": BY_THE_SERVER }));
        let request = EventRequest {
            sender: sender.ok_or_else(|| ChatError::forbidden("nobody may delete it"))?,
            event_type: kind,
            state_key: None,
            content: content.map_err(|error| ChatError::invalid("reason", error.to_string()))?,
            redacts: Some(event_id.to_owned()),
            transaction: None,
            origin_server_ts: None,
        };
        self.rooms().send(&room, request).await?;
        Ok(())
    }
}

/// Why, as the room reads it.
const BY_THE_SERVER: &str = "decided by the administration of this server";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn reports_wait_until_somebody_deals_with_them() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let root = fixture.user("root").await;
        let event_id = fixture.say(&room, &bob, "rude").await.unwrap();
        let (room_id, sender) = (room.id().to_owned(), bob.clone());
        let message = Reported::Event { room_id, event_id: event_id.clone(), sender };
        for reported in [message.clone(), Reported::User(bob.clone()), message] {
            fixture.rooms.report(alice.clone(), reported, "rude").await.unwrap();
        }
        let chat = &fixture.chat;
        let open = chat.reviews(true, None, 10).await.unwrap();
        let numbers: Vec<_> = open.iter().map(|review| review.number).collect();
        assert_eq!(numbers, [3, 2, 1]);
        let unfit = chat.resolve_report(2, &root, ReviewAction::Kick, None).await.unwrap_err();
        assert!(matches!(unfit, ChatError::Invalid { .. }), "{unfit}");
        let delete = ReviewAction::DeleteMessage;
        chat.resolve_report(1, &root, delete, Some("indeed")).await.unwrap();
        chat.resolve_report(2, &root, ReviewAction::Suspend, None).await.unwrap();
        chat.resolve_report(3, &root, ReviewAction::Ban, None).await.unwrap();
        chat.resolve_report(3, &root, ReviewAction::Dismiss, None).await.unwrap_err();
        assert!(chat.reviews(true, None, 10).await.unwrap().is_empty());
        let all = chat.reviews(false, None, 2).await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(chat.reviews(false, Some(all[1].number), 2).await.unwrap().len(), 1);
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let event = fixture.rooms.event_by_id(snapshot.as_ref(), &event_id).await.unwrap();
        assert!(event.unwrap().redacted_by().is_some());
        assert!(fixture.accounts.user(&bob).await.unwrap().unwrap().is_suspended);
        assert!(!fixture.rooms.is_joined(snapshot.as_ref(), room.nid(), &bob).await.unwrap());
        let log = chat.audit_log(None, 10).await.unwrap();
        assert_eq!(log.len(), 3);
        assert!(log.iter().all(|(_, entry)| entry.actor == root));
    }
}
