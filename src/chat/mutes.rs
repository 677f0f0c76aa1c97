//! Mutes: in a room, for a reason, until an end.
//!
//! A mute is a power level below everything that the room lets its members send, so the room's own
//! rules enforce it whatever the muted user writes with. The row remembers what the level was and
//! when it comes back. It is written before the level is changed: after a crash in between, the
//! end finds a level that is not the mute's and leaves it alone.

use std::time::Duration;

use hearth_base::RoomNid;
use hearth_rooms::{Room, RoomsError, Snapshot};
use hearth_rules::PowerLevels;
use hearth_store::Batch;
use ruma::{
    Int, OwnedUserId, UserId,
    events::{StateEventType, TimelineEventType, room::power_levels::UserPowerLevel},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    AuditAction, Chat, ChatError,
    audit::Audit,
    chores::Chore,
    limits::{
        END_MUTE_RETRY_MS, MUTE_MS_MAX, REASON_BYTES_MAX, TIMEOUT_MINUTES_MAX, TIMEOUT_MINUTES_MIN,
    },
    tables::MUTES,
};

/// What a mute is to be.
#[derive(Clone, Copy, Debug)]
pub struct MuteRequest<'a> {
    /// Who mutes.
    pub sender: &'a UserId,
    /// Who is muted.
    pub user_id: &'a UserId,
    /// For how long; until somebody ends it if nobody says.
    pub duration: Option<Duration>,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Somebody who is muted in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    /// Who.
    pub user_id: OwnedUserId,
    /// Who muted them.
    pub by: OwnedUserId,
    /// Why.
    pub reason: Option<String>,
    /// Since when, in Unix milliseconds.
    pub since_ms: u64,
    /// Until when, in Unix milliseconds, if it ends by itself.
    pub ends_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MuteRow {
    by: OwnedUserId,
    reason: Option<String>,
    since_ms: u64,
    ends_ms: Option<u64>,
    /// The level that the user had, if it was one of their own.
    level_before: Option<i64>,
    /// The level that is the mute.
    level: i64,
}

impl MuteRow {
    fn of(self, user_id: OwnedUserId) -> Mute {
        let Self { by, reason, since_ms, ends_ms, .. } = self;
        Mute { user_id, by, reason, since_ms, ends_ms }
    }
}

impl Chat {
    /// Mutes somebody who has less power; a second mute replaces the first.
    ///
    /// # Errors
    /// The sender may not, the user is not in the room, a value is out of its bounds, or the store
    /// failed.
    pub async fn mute(&self, room: &Room, request: MuteRequest<'_>) -> Result<Mute, ChatError> {
        self.mute_as(room, request, AuditAction::Mute).await
    }

    /// Mutes somebody for some minutes, which lowers their standing.
    ///
    /// # Errors
    /// As [`Chat::mute`].
    pub async fn time_out(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        minutes: u64,
        reason: Option<&str>,
    ) -> Result<Mute, ChatError> {
        if !(TIMEOUT_MINUTES_MIN..=TIMEOUT_MINUTES_MAX).contains(&minutes) {
            let bounds = format!("between {TIMEOUT_MINUTES_MIN} and {TIMEOUT_MINUTES_MAX}");
            return Err(ChatError::invalid("minutes", bounds));
        }
        let duration = Some(Duration::from_secs(60 * minutes));
        let request = MuteRequest { sender, user_id, duration, reason };
        let mute = self.mute_as(room, request, AuditAction::TimeOut).await?;
        self.lower_standing(user_id).await?;
        Ok(mute)
    }

    async fn mute_as(
        &self,
        room: &Room,
        request: MuteRequest<'_>,
        action: AuditAction,
    ) -> Result<Mute, ChatError> {
        let MuteRequest { sender, user_id, reason, .. } = request;
        check_reason(reason)?;
        let ends_ms = self.end_of(request.duration)?;
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let levels = self.check_above(snapshot, room, sender, user_id).await?;
        if !self.rooms().is_joined(snapshot, room.nid(), user_id).await? {
            return Err(ChatError::NotFound("member"));
        }
        let number = self.chore_numbers().next().await?;
        let audit = Audit::new(sender, action).room(room.id()).user(user_id).reason(reason);
        let audit = &audit;
        let (before, row) = self
            .decide(|snapshot| async move {
                let (snapshot, key) = (snapshot.as_ref(), (room.nid(), user_id));
                let before = MUTES.get(snapshot, &key).await?;
                let levels = self.levels(snapshot, room).await?;
                let row = MuteRow {
                    by: sender.to_owned(),
                    reason: reason.map(str::to_owned),
                    since_ms: self.now_ms(),
                    ends_ms,
                    level_before: level_to_restore(before.as_ref(), own_level(&levels, user_id)),
                    level: muted_level(&levels),
                };
                let mut batch = Batch::new();
                MUTES.replace(&mut batch, &key, before.as_ref(), Some(&row))?;
                if let Some(ends_ms) = ends_ms {
                    let end = Chore::EndMute { room: room.nid(), user: user_id.to_owned() };
                    Self::put_chore(&mut batch, ends_ms, number, &end)?;
                }
                self.write_audit(&mut batch, audit.clone()).await?;
                Ok((batch, (before, row)))
            })
            .await?;
        self.chores_changed().notify_one();
        let muted = self.set_level(room, &levels, sender, user_id, None, Some(row.level)).await;
        if let Err(error) = muted {
            let mut batch = Batch::new();
            MUTES.replace(&mut batch, &(room.nid(), user_id), Some(&row), before.as_ref())?;
            self.store().commit(batch).await?;
            return Err(error);
        }
        Ok(row.of(user_id.to_owned()))
    }

    /// Ends a mute.
    ///
    /// # Errors
    /// The user is not muted, the sender may not, or the store failed.
    pub async fn unmute(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        self.check_above(snapshot.as_ref(), room, sender, user_id).await?;
        let row = MUTES.get(snapshot.as_ref(), &(room.nid(), user_id)).await?;
        let row = row.ok_or(ChatError::NotFound("mute"))?;
        self.restore(room, sender, user_id, &row).await?;
        let audit = Audit::new(sender, AuditAction::Unmute).room(room.id()).user(user_id);
        self.audit(audit).await
    }

    /// Somebody has a new role: whatever a mute took from them before does not come back.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_mute(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        let mut batch = Batch::new();
        MUTES.delete(&mut batch, &(room.nid(), user_id));
        self.store().commit(batch).await?;
        Ok(())
    }

    /// Who is muted in a room, for its members.
    ///
    /// # Errors
    /// The user is not in the room, or the store failed.
    pub async fn mutes(&self, room: &Room, user_id: &UserId) -> Result<Vec<Mute>, ChatError> {
        let snapshot = self.snapshot().await?;
        self.check_member(snapshot.as_ref(), room, user_id).await?;
        let rows = MUTES.scan_all(snapshot.as_ref(), &MUTES.prefix(&(room.nid(),))).await?;
        Ok(rows.into_iter().map(|((_, user_id), row)| row.of(user_id)).collect())
    }

    /// The mute of a user in a room, if there is one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mute_of(&self, room: &Room, user_id: &UserId) -> Result<Option<Mute>, ChatError> {
        let snapshot = self.snapshot().await?;
        let row = MUTES.get(snapshot.as_ref(), &(room.nid(), user_id)).await?;
        Ok(row.map(|row| row.of(user_id.to_owned())))
    }

    /// A mute may be due: ends it, unless it was ended or made longer.
    pub(crate) async fn end_mute(&self, room: RoomNid, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let row = MUTES.get(snapshot.as_ref(), &(room, user_id)).await?;
        let is_due = |row: &MuteRow| row.ends_ms.is_some_and(|ends_ms| ends_ms <= self.now_ms());
        let Some(row) = row.filter(is_due) else {
            return Ok(());
        };
        let nid = room;
        let room = self.room(nid).await?;
        let ended = self.restore(&room, &row.by, user_id, &row).await;
        if matches!(&ended, Err(error) if !error.is_temporary()) {
            // Nobody in the room can do it now; somebody may later.
            let again = Chore::EndMute { room: nid, user: user_id.to_owned() };
            let number = self.chore_numbers().next().await?;
            let mut batch = Batch::new();
            Self::put_chore(&mut batch, self.now_ms() + END_MUTE_RETRY_MS, number, &again)?;
            self.store().commit(batch).await?;
        }
        ended
    }

    /// Gives back the level that a mute took, unless somebody set another since.
    async fn restore(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        row: &MuteRow,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let levels = self.levels(snapshot.as_ref(), room).await?;
        if own_level(&levels, user_id) == Some(row.level) {
            let expected = Some(row.level);
            self.set_level(room, &levels, sender, user_id, expected, row.level_before).await?;
        }
        let mut batch = Batch::new();
        MUTES.replace(&mut batch, &(room.nid(), user_id), Some(row), None)?;
        self.store().commit(batch).await?;
        Ok(())
    }

    /// Sets a user's own level, or takes it away; if `expected` is given, only in its place.
    async fn set_level(
        &self,
        room: &Room,
        levels: &PowerLevels,
        sender: &UserId,
        user_id: &UserId,
        expected: Option<i64>,
        level: Option<i64>,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let sender =
            self.sender_for_levels(snapshot.as_ref(), room, levels, sender, user_id).await?;
        let kind = StateEventType::RoomPowerLevels;
        let change = |content: &mut Map<String, Value>| {
            let users = content.entry("users").or_insert_with(|| Value::Object(Map::new()));
            let users = users.as_object_mut().ok_or_else(malformed)?;
            let present = users.get(user_id.as_str()).and_then(Value::as_i64);
            if expected.is_some() && present != expected {
                return Err(RoomsError::Busy);
            }
            match level {
                Some(level) => users.insert(user_id.to_string(), level.into()),
                None => users.remove(user_id.as_str()),
            };
            Ok(())
        };
        self.rooms().change_state(room, &sender, kind, "", change).await?;
        Ok(())
    }

    /// Who changes the level of somebody: `preferred` if they can.
    async fn sender_for_levels(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        levels: &PowerLevels,
        preferred: &UserId,
        user_id: &UserId,
    ) -> Result<OwnedUserId, ChatError> {
        let needed = levels.event(&TimelineEventType::RoomPowerLevels, true);
        let above = match levels.user(user_id) {
            UserPowerLevel::Int(level) => Int::new_saturating(i64::from(level) + 1),
            _ => Int::MAX,
        };
        self.sender_with_level(snapshot, room, levels, needed.max(above), preferred).await
    }

    fn end_of(&self, duration: Option<Duration>) -> Result<Option<u64>, ChatError> {
        let Some(duration) = duration else {
            return Ok(None);
        };
        match u64::try_from(duration.as_millis()) {
            Ok(ms @ 1..=MUTE_MS_MAX) => Ok(Some(self.now_ms() + ms)),
            _ => Err(ChatError::invalid("duration", "more than nothing, and a year at most")),
        }
    }
}

/// Refuses a reason that is too long.
pub(crate) fn check_reason(reason: Option<&str>) -> Result<(), ChatError> {
    match reason {
        Some(reason) if reason.len() > REASON_BYTES_MAX => {
            Err(ChatError::invalid("reason", format!("at most {REASON_BYTES_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

fn malformed() -> RoomsError {
    RoomsError::Corrupt("the power levels of a room have no users".to_owned())
}

/// A user's own level, if they have one.
fn own_level(levels: &PowerLevels, user_id: &UserId) -> Option<i64> {
    levels.as_ruma().users.get(user_id).map(|level| (*level).into())
}

/// What a new mute gives back at its end. A user who has another level than the mute that there
/// was got it from somebody since, and what they had before that is gone.
fn level_to_restore(before: Option<&MuteRow>, own: Option<i64>) -> Option<i64> {
    match before {
        Some(before) if own == Some(before.level) => before.level_before,
        _ => own,
    }
}

/// Below everything that the room lets anybody send, and below what members have: nobody gains
/// power by a mute where only few may write.
fn muted_level(levels: &PowerLevels) -> i64 {
    let levels = levels.as_ruma();
    let needed = levels.events.values().chain([&levels.events_default, &levels.users_default]);
    let lowest = needed.map(|level| i64::from(*level)).min().unwrap_or_default();
    lowest.min(0).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, fixture};

    async fn mute(
        fixture: &Fixture,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
    ) -> Result<Mute, ChatError> {
        let duration = Some(Duration::from_secs(60));
        let request = MuteRequest { sender, user_id, duration, reason: Some("rude") };
        fixture.chat.mute(room, request).await
    }

    #[tokio::test]
    async fn a_mute_is_enforced_by_the_room_and_ends_by_itself() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        fixture.say(&room, &bob, "before").await.unwrap();
        mute(&fixture, &room, &alice, &bob).await.unwrap();
        fixture.say(&room, &bob, "muted").await.unwrap_err();
        assert_eq!(fixture.chat.mutes(&room, &bob).await.unwrap().len(), 1);
        fixture.clock.advance(Duration::from_secs(59));
        fixture.chat.do_due().await.unwrap();
        fixture.say(&room, &bob, "still muted").await.unwrap_err();
        fixture.clock.advance(Duration::from_secs(1));
        // Another process has to know as well.
        fixture.restarted().do_due().await.unwrap();
        fixture.say(&room, &bob, "after").await.unwrap();
        assert_eq!(fixture.chat.mute_of(&room, &bob).await.unwrap(), None);
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let levels = fixture.chat.levels(snapshot.as_ref(), &room).await.unwrap();
        assert_eq!(own_level(&levels, &bob), None);
    }

    #[tokio::test]
    async fn a_longer_mute_replaces_a_shorter_one_and_can_be_ended() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        fixture.chat.time_out(&room, &alice, &bob, 2, None).await.unwrap();
        let forever = MuteRequest { sender: &alice, user_id: &bob, duration: None, reason: None };
        fixture.chat.mute(&room, forever).await.unwrap();
        fixture.clock.advance(Duration::from_secs(120));
        fixture.chat.do_due().await.unwrap();
        fixture.say(&room, &bob, "muted").await.unwrap_err();
        fixture.chat.unmute(&room, &alice, &bob).await.unwrap();
        fixture.say(&room, &bob, "after").await.unwrap();
        fixture.chat.unmute(&room, &alice, &bob).await.unwrap_err();
        assert_eq!(fixture.chat.standing(&bob).await.unwrap(), 90);
        let log = fixture.chat.audit_log(None, 10).await.unwrap();
        let actions: Vec<_> = log.iter().map(|(_, entry)| entry.action).collect();
        let expected = [AuditAction::Unmute, AuditAction::Mute, AuditAction::TimeOut];
        assert_eq!(actions, expected);
    }

    #[tokio::test]
    async fn administrators_mute_members_where_only_owners_change_levels() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let [bob, carol] = [fixture.member(&room, "bob").await, fixture.member(&room, "c").await];
        fixture.set_level(&room, &bob, 50).await;
        mute(&fixture, &room, &bob, &carol).await.unwrap();
        fixture.say(&room, &carol, "muted").await.unwrap_err();
        for (sender, user_id) in [(&carol, &bob), (&bob, &fixture.id("alice")), (&bob, &bob)] {
            let refused = mute(&fixture, &room, sender, user_id).await.unwrap_err();
            assert!(matches!(refused, ChatError::Forbidden(_)), "{refused}");
        }
        for minutes in [1, 11] {
            let refused = fixture.chat.time_out(&room, &bob, &carol, minutes, None).await;
            assert!(matches!(refused, Err(ChatError::Invalid { field: "minutes", .. })));
        }
    }

    #[tokio::test]
    async fn a_level_that_somebody_set_meanwhile_stays() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        mute(&fixture, &room, &alice, &bob).await.unwrap();
        fixture.set_level(&room, &bob, 10).await;
        fixture.clock.advance(Duration::from_secs(60));
        fixture.chat.do_due().await.unwrap();
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let levels = fixture.chat.levels(snapshot.as_ref(), &room).await.unwrap();
        assert_eq!(own_level(&levels, &bob), Some(10));
        assert_eq!(fixture.chat.mute_of(&room, &bob).await.unwrap(), None);
    }

    async fn level(fixture: &Fixture, room: &Room, user_id: &UserId) -> Option<i64> {
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        own_level(&fixture.chat.levels(snapshot.as_ref(), room).await.unwrap(), user_id)
    }

    #[tokio::test]
    async fn a_second_mute_does_not_give_back_what_was_taken_away_between_them() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        for (taken_away, expected) in [(Some(0), Some(0)), (None, Some(50))] {
            fixture.set_level(&room, &bob, 50).await;
            mute(&fixture, &room, &alice, &bob).await.unwrap();
            if let Some(other) = taken_away {
                fixture.set_level(&room, &bob, other).await;
            }
            mute(&fixture, &room, &alice, &bob).await.unwrap();
            fixture.clock.advance(Duration::from_secs(60));
            fixture.chat.do_due().await.unwrap();
            assert_eq!(level(&fixture, &room, &bob).await, expected);
        }
    }

    #[tokio::test]
    async fn who_got_a_new_role_is_no_longer_muted() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        fixture.set_level(&room, &bob, 50).await;
        mute(&fixture, &room, &alice, &bob).await.unwrap();
        fixture.set_level(&room, &bob, 0).await;
        fixture.chat.forget_mute(&room, &bob).await.unwrap();
        assert!(fixture.chat.mutes(&room, &alice).await.unwrap().is_empty());
        fixture.clock.advance(Duration::from_secs(60));
        fixture.chat.do_due().await.unwrap();
        assert_eq!(level(&fixture, &room, &bob).await, Some(0));
    }

    #[tokio::test]
    async fn nobody_gains_power_by_a_mute() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let only_owners = |content: &mut Map<String, Value>| {
            content.insert("events_default".to_owned(), 100.into());
            content.insert("events".to_owned(), serde_json::json!({ "m.room.name": 100 }));
            Ok(())
        };
        let kind = StateEventType::RoomPowerLevels;
        fixture.rooms.change_state(&room, &alice, kind, "", only_owners).await.unwrap();
        mute(&fixture, &room, &alice, &bob).await.unwrap();
        assert_eq!(level(&fixture, &room, &bob).await, Some(-1));
    }
}
