//! Invites by code: whoever has the code may join, up to a limit and for a while.
//!
//! A use is counted before the join and given back if the join comes to nothing. In between it is
//! a reservation, a row of its own, so a crash neither loses a use nor lets in one too many: who
//! came in is settled after the start, or when the reservation is old. Whether a code is worth
//! anything, and how somebody comes in, is in `admission`.

use std::time::Duration;

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Room, Snapshot};
use hearth_store::Batch;
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    AuditAction, Chat, ChatError,
    audit::Audit,
    chores::Chore,
    limits::{
        INVITE_AFTERLIFE_MS, INVITE_CODE_CHARACTERS, INVITE_LIFETIME_MS_DEFAULT,
        INVITE_LIFETIME_MS_MAX, INVITE_LIFETIME_MS_MIN, INVITE_USES_MAX, RESERVATION_MS,
        ROOM_INVITES_MAX,
    },
    tables::{INVITES, RESERVATIONS, ROOM_INVITES},
};

/// What an invite by code is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewInviteCode {
    /// How long it is good for; 7 days if nobody says.
    pub lifetime: Option<Duration>,
    /// How many people it lets in; any number if nobody says.
    pub uses_max: Option<u32>,
}

/// An invite by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteCode {
    /// The code.
    pub code: String,
    /// The room that it is to.
    pub room_id: OwnedRoomId,
    /// Who made it.
    pub creator: OwnedUserId,
    /// When, in Unix milliseconds.
    pub created_ms: u64,
    /// Until when it is good, in Unix milliseconds.
    pub expires_ms: u64,
    /// How many people it lets in, if there is a limit.
    pub uses_max: Option<u32>,
    /// How many came in by it, those included who are just coming in.
    pub uses: u32,
    /// Whether an administrator took it back.
    pub is_revoked: bool,
    /// Whether somebody could join by it now.
    pub is_good: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InviteRow {
    room: RoomNid,
    creator: OwnedUserId,
    created_ms: u64,
    expires_ms: u64,
    uses_max: Option<u32>,
    uses: u32,
    is_revoked: bool,
}

/// A use that counts while its user is being let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reservation {
    /// A join after this position is the use.
    after: StreamPosition,
    /// The process that lets the user in.
    pub(crate) process: u64,
}

impl InviteRow {
    fn check(&self, now_ms: u64) -> Result<(), ChatError> {
        if self.is_revoked {
            return Err(ChatError::Gone("the invite was revoked"));
        }
        if self.expires_ms <= now_ms {
            return Err(ChatError::Gone("the invite has expired"));
        }
        if self.uses_max.is_some_and(|max| self.uses >= max) {
            return Err(ChatError::Gone("the invite was used as often as it may be"));
        }
        Ok(())
    }

    fn named(self, code: &str, room: &Room, is_good: bool) -> InviteCode {
        let Self { room: _, creator, created_ms, expires_ms, uses_max, uses, is_revoked } = self;
        InviteCode {
            code: code.to_owned(),
            room_id: room.id().to_owned(),
            creator,
            created_ms,
            expires_ms,
            uses_max,
            uses,
            is_revoked,
            is_good,
        }
    }
}

impl NewInviteCode {
    fn lifetime_ms(&self) -> Result<u64, ChatError> {
        let Some(lifetime) = self.lifetime else {
            return Ok(INVITE_LIFETIME_MS_DEFAULT);
        };
        let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        if (INVITE_LIFETIME_MS_MIN..=INVITE_LIFETIME_MS_MAX).contains(&lifetime_ms) {
            return Ok(lifetime_ms);
        }
        Err(ChatError::invalid("expires_in", "between a minute and a year"))
    }

    fn check(&self) -> Result<(), ChatError> {
        match self.uses_max {
            Some(uses) if !(1..=INVITE_USES_MAX).contains(&uses) => {
                Err(ChatError::invalid("max_uses", format!("between 1 and {INVITE_USES_MAX}")))
            }
            _ => Ok(()),
        }
    }
}

impl Chat {
    /// Makes a code by which people may join a room.
    ///
    /// # Errors
    /// The user is no administrator of the room or may not invite, nobody comes into it by a code,
    /// a value is out of its bounds, the room has too many codes, or the store failed.
    pub async fn create_invite_code(
        &self,
        room: &Room,
        creator: &UserId,
        new: NewInviteCode,
    ) -> Result<InviteCode, ChatError> {
        let (lifetime_ms, created_ms) = (new.lifetime_ms()?, self.now_ms());
        new.check()?;
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_has_codes(snapshot, room).await?;
        self.check_makes_codes(snapshot, room, creator).await?;
        let codes = ROOM_INVITES.scan_all(snapshot, &ROOM_INVITES.prefix(&(room.nid(),))).await?;
        if codes.len() >= ROOM_INVITES_MAX {
            return Err(ChatError::TooMany("invites to this room"));
        }
        let code = self.random().alphanumeric(INVITE_CODE_CHARACTERS);
        let expires_ms = created_ms + lifetime_ms;
        let row = InviteRow {
            room: room.nid(),
            creator: creator.to_owned(),
            created_ms,
            expires_ms,
            uses_max: new.uses_max,
            uses: 0,
            is_revoked: false,
        };
        let mut batch = Batch::new();
        INVITES.insert(&mut batch, &(code.as_str(),), &row)?;
        ROOM_INVITES.put(&mut batch, &(room.nid(), code.as_str()), &())?;
        let forget = Chore::ForgetInvite { code: code.clone() };
        let number = self.chore_numbers().next().await?;
        Self::put_chore(&mut batch, expires_ms + INVITE_AFTERLIFE_MS, number, &forget)?;
        let audit = Audit::new(creator, AuditAction::CreateInvite).room(room.id());
        self.write_audit(&mut batch, audit).await?;
        self.store().commit(batch).await?;
        self.chores_changed().notify_one();
        Ok(row.named(&code, room, true))
    }

    /// What a code is to, whether it is still good or not.
    ///
    /// # Errors
    /// There is no such code, or the store failed.
    pub async fn invite_code(&self, code: &str) -> Result<InviteCode, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let row = invite_row(snapshot, code).await?;
        let room = self.rooms().room_by_nid(snapshot, row.room).await?;
        let is_good = self.is_good(snapshot, &room, &row).await?;
        Ok(row.named(code, &room, is_good))
    }

    /// The codes of a room, for its administrators.
    ///
    /// # Errors
    /// The user is no administrator of the room, or the store failed.
    pub async fn invite_codes(
        &self,
        room: &Room,
        user_id: &UserId,
    ) -> Result<Vec<InviteCode>, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_admin(snapshot, room, user_id).await?;
        let codes = ROOM_INVITES.scan_all(snapshot, &ROOM_INVITES.prefix(&(room.nid(),))).await?;
        let keys = codes.iter().map(|((_, code), ())| (code.as_str(),));
        let rows = INVITES.get_many(snapshot, keys).await?;
        let mut named = Vec::with_capacity(codes.len());
        for (((_, code), ()), row) in codes.iter().zip(rows) {
            if let Some(row) = row {
                let is_good = self.is_good(snapshot, room, &row).await?;
                named.push(row.named(code, room, is_good));
            }
        }
        Ok(named)
    }

    async fn is_good(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        row: &InviteRow,
    ) -> Result<bool, ChatError> {
        match self.check_good(snapshot, room, row).await {
            Ok(()) => Ok(true),
            Err(ChatError::Gone(_) | ChatError::Archived | ChatError::Forbidden(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Refuses a code by which nobody comes in now.
    async fn check_good(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        row: &InviteRow,
    ) -> Result<(), ChatError> {
        row.check(self.now_ms())?;
        self.check_has_codes(snapshot, room).await?;
        self.check_maker(snapshot, room, &row.creator).await
    }

    /// Takes a code back: nobody joins by it any more.
    ///
    /// # Errors
    /// There is no such code, the user is no administrator of its room, or the store failed.
    pub async fn revoke_invite_code(&self, code: &str, user_id: &UserId) -> Result<(), ChatError> {
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let before = invite_row(snapshot, code).await?;
            let room = self.rooms().room_by_nid(snapshot, before.room).await?;
            self.check_admin(snapshot, &room, user_id).await?;
            let mut batch = Batch::new();
            if !before.is_revoked {
                let after = InviteRow { is_revoked: true, ..before.clone() };
                INVITES.replace(&mut batch, &(code,), Some(&before), Some(&after))?;
                let audit = Audit::new(user_id, AuditAction::RevokeInvite).room(room.id());
                self.write_audit(&mut batch, audit).await?;
            }
            Ok((batch, ()))
        })
        .await
    }

    /// Lets a user into the room of a code. Who is there already comes in without a use.
    ///
    /// # Errors
    /// There is no such code, it is over, the room refuses the user, or the store failed.
    pub async fn accept_invite_code(
        &self,
        code: &str,
        user_id: &UserId,
    ) -> Result<Room, ChatError> {
        let snapshot = self.snapshot().await?;
        let row = invite_row(snapshot.as_ref(), code).await?;
        let room = self.rooms().room_by_nid(snapshot.as_ref(), row.room).await?;
        if self.rooms().is_joined(snapshot.as_ref(), room.nid(), user_id).await? {
            return Ok(room);
        }
        self.reserve_use(&room, code, user_id).await?;
        let joined = self.let_in(&room, &row.creator, user_id).await;
        if let Err(error) = self.settle_use(code, user_id).await {
            tracing::warn!(%error, "the use of an invite is settled later");
        }
        joined.map(|()| room)
    }

    /// Counts a use, and remembers for whom until it is settled.
    async fn reserve_use(
        &self,
        room: &Room,
        code: &str,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        let number = self.chore_numbers().next().await?;
        self.decide(|snapshot| async move {
            let (snapshot, now_ms) = (snapshot.as_ref(), self.now_ms());
            let before = invite_row(snapshot, code).await?;
            self.check_good(snapshot, room, &before).await?;
            if RESERVATIONS.get(snapshot, &(code, user_id)).await?.is_some() {
                return Err(ChatError::Busy);
            }
            let after = InviteRow { uses: before.uses + 1, ..before.clone() };
            let reservation = Reservation { after: snapshot.position(), process: self.process() };
            let mut batch = Batch::new();
            INVITES.replace(&mut batch, &(code,), Some(&before), Some(&after))?;
            RESERVATIONS.insert(&mut batch, &(code, user_id), &reservation)?;
            let settle = Chore::SettleUse { code: code.to_owned(), user: user_id.to_owned() };
            Self::put_chore(&mut batch, now_ms + RESERVATION_MS, number, &settle)?;
            Ok((batch, ()))
        })
        .await
    }

    /// Ends a reservation: its use counts if the user came in, and is given back otherwise.
    pub(crate) async fn settle_use(&self, code: &str, user_id: &UserId) -> Result<(), ChatError> {
        self.decide(|snapshot| async move {
            let (snapshot, mut batch) = (snapshot.as_ref(), Batch::new());
            let Some(reservation) = RESERVATIONS.get(snapshot, &(code, user_id)).await? else {
                return Ok((batch, ()));
            };
            RESERVATIONS.replace(&mut batch, &(code, user_id), Some(&reservation), None)?;
            if let Some(before) = INVITES.get(snapshot, &(code,)).await? {
                let member = self.rooms().membership(snapshot, before.room, user_id).await?;
                let joined = member.and_then(|row| row.value.last_joined(row.position));
                if joined.is_none_or(|joined| joined <= reservation.after) {
                    let after = InviteRow { uses: before.uses.saturating_sub(1), ..before.clone() };
                    INVITES.replace(&mut batch, &(code,), Some(&before), Some(&after))?;
                }
            }
            Ok((batch, ()))
        })
        .await
    }

    /// Forgets a code that has been over for a while.
    pub(crate) async fn forget_invite(&self, code: &str) -> Result<(), ChatError> {
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            if let Some(row) = INVITES.get(snapshot.as_ref(), &(code,)).await? {
                INVITES.replace(&mut batch, &(code,), Some(&row), None)?;
                ROOM_INVITES.delete(&mut batch, &(row.room, code));
            }
            Ok((batch, ()))
        })
        .await
    }
}

async fn invite_row(snapshot: &dyn Snapshot, code: &str) -> Result<InviteRow, ChatError> {
    if code.len() > 2 * INVITE_CODE_CHARACTERS {
        return Err(ChatError::NotFound("invite"));
    }
    INVITES.get(snapshot, &(code,)).await?.ok_or(ChatError::NotFound("invite"))
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use hearth_base::Clock;

    use super::*;
    use crate::testing::{Fixture, fixture};

    async fn code(fixture: &Fixture, room: &Room, uses_max: Option<u32>) -> String {
        let new = NewInviteCode { lifetime: None, uses_max };
        let alice = fixture.id("alice");
        fixture.chat.create_invite_code(room, &alice, new).await.unwrap().code
    }

    fn advance(clock: &Clock, ms: u64) {
        clock.advance(Duration::from_millis(ms));
    }

    #[tokio::test]
    async fn a_limit_holds_when_a_hundred_come_at_once() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let code = code(&fixture, &room, Some(7)).await;
        let mut users = Vec::new();
        for number in 0..100 {
            users.push(fixture.user(&format!("user{number}")).await);
        }
        let accepted = users.iter().map(|user| fixture.chat.accept_invite_code(&code, user));
        let accepted = join_all(accepted).await;
        let refused = accepted.iter().filter(|one| matches!(one, Err(ChatError::Gone(_)))).count();
        assert_eq!((accepted.iter().filter(|one| one.is_ok()).count(), refused), (7, 93));
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let head = fixture.rooms.head(snapshot.as_ref(), room.nid()).await.unwrap();
        assert_eq!(head.joined_members, 8);
        assert_eq!(fixture.chat.invite_code(&code).await.unwrap().uses, 7);
    }

    #[tokio::test]
    async fn a_use_is_given_back_when_the_room_refuses() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let bob = fixture.user("bob").await;
        let alice = fixture.id("alice");
        fixture.rooms.ban(&room, &alice, &bob, None).await.unwrap();
        let code = code(&fixture, &room, Some(1)).await;
        let refused = fixture.chat.accept_invite_code(&code, &bob).await.unwrap_err();
        assert!(matches!(refused, ChatError::Forbidden(_)), "{refused}");
        let carol = fixture.user("carol").await;
        fixture.chat.accept_invite_code(&code, &carol).await.unwrap();
        // Who is there already needs no use.
        fixture.chat.accept_invite_code(&code, &carol).await.unwrap();
    }

    #[tokio::test]
    async fn a_crash_neither_loses_a_use_nor_lets_in_one_too_many() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (bob, carol) = (fixture.user("bob").await, fixture.user("carol").await);
        let code = code(&fixture, &room, Some(2)).await;
        // Both were being let in; only one of them came in before the crash.
        for user in [&bob, &carol] {
            fixture.chat.reserve_use(&room, &code, user).await.unwrap();
        }
        fixture.chat.let_in(&room, &fixture.id("alice"), &bob).await.unwrap();
        assert_eq!(fixture.chat.invite_code(&code).await.unwrap().uses, 2);
        fixture.chat.settle_all().await.unwrap();
        assert_eq!(fixture.chat.invite_code(&code).await.unwrap().uses, 2);
        let restarted = fixture.restarted();
        restarted.settle_all().await.unwrap();
        assert_eq!(restarted.invite_code(&code).await.unwrap().uses, 1);
        restarted.accept_invite_code(&code, &carol).await.unwrap();
    }

    #[tokio::test]
    async fn codes_end_and_are_forgotten() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.user("bob").await);
        let (short, revoked) = (
            NewInviteCode { lifetime: Some(Duration::from_secs(120)), uses_max: None },
            code(&fixture, &room, None).await,
        );
        let short = fixture.chat.create_invite_code(&room, &alice, short).await.unwrap();
        let listed = fixture.chat.invite_codes(&room, &alice).await.unwrap();
        let mut lifetimes: Vec<_> =
            listed.iter().map(|one| (one.expires_ms - one.created_ms) / 1_000).collect();
        lifetimes.sort_unstable();
        assert_eq!(lifetimes, [120, 7 * 24 * 60 * 60]);
        fixture.chat.revoke_invite_code(&revoked, &bob).await.unwrap_err();
        fixture.chat.revoke_invite_code(&revoked, &alice).await.unwrap();
        assert!(fixture.chat.invite_code(&short.code).await.unwrap().is_good);
        advance(&fixture.clock, 120_000);
        assert!(!fixture.chat.invite_code(&short.code).await.unwrap().is_good);
        for code in [&revoked, &short.code] {
            let refused = fixture.chat.accept_invite_code(code, &bob).await.unwrap_err();
            assert!(matches!(refused, ChatError::Gone(_)), "{refused}");
        }
        advance(&fixture.clock, INVITE_AFTERLIFE_MS);
        fixture.chat.do_due().await.unwrap();
        let refused = fixture.chat.invite_code(&short.code).await.unwrap_err();
        assert!(matches!(refused, ChatError::NotFound(_)), "{refused}");
    }

    #[tokio::test]
    async fn only_administrators_make_codes_and_within_bounds() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let bob = fixture.member(&room, "bob").await;
        let new = NewInviteCode::default();
        let refused = fixture.chat.create_invite_code(&room, &bob, new).await.unwrap_err();
        assert!(matches!(refused, ChatError::Forbidden(_)), "{refused}");
        let stranger = fixture.user("carol").await;
        let refused = fixture.chat.create_invite_code(&room, &stranger, new).await.unwrap_err();
        assert!(matches!(refused, ChatError::NotAMember), "{refused}");
        let alice = fixture.id("alice");
        for new in [
            NewInviteCode { uses_max: Some(0), ..new },
            NewInviteCode { lifetime: Some(Duration::from_secs(59)), ..new },
        ] {
            let refused = fixture.chat.create_invite_code(&room, &alice, new).await.unwrap_err();
            assert!(matches!(refused, ChatError::Invalid { .. }), "{refused}");
        }
    }
}
