//! Whom invites by code let in, and how people come in who did not ask the room itself.
//!
//! A code is worth what its maker may do: it is good while whoever made it is in the room and could
//! make another one, which nobody can whose account is locked, suspended or gone. So nobody comes
//! back by a code of their own, and whose rights are taken away, their codes are too. Who was
//! removed may come in by the code of another, unless they are banned.
//!
//! Some rooms have no codes: archived ones, into which nobody comes, and those of moderators, whose
//! members are the moderators of another room and nobody else. Nobody makes codes to a room that is
//! direct to them, and those that they made before are over.

use hearth_accounts::User;
use hearth_rooms::{EventRequest, Profile, Room, Snapshot, state_event};
use hearth_rules::PowerLevels;
use ruma::{UserId, events::room::member::MembershipState, room::JoinRuleKind};
use serde_json::Value;

use crate::{Chat, ChatError, authority::admin_level, tables::MODERATED};

impl Chat {
    /// Refuses codes to a room into which nobody comes by one.
    pub(crate) async fn check_has_codes(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<(), ChatError> {
        self.check_not_archived(snapshot, room).await?;
        match MODERATED.get(snapshot, &(room.nid(),)).await? {
            Some(_) => Err(ChatError::forbidden("this room is for the moderators of another")),
            None => Ok(()),
        }
    }

    /// Refuses who may not make codes to a room.
    pub(crate) async fn check_makes_codes(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        let may_invite = |levels: &PowerLevels| levels.invite().max(admin_level());
        self.check_level(snapshot, room, user_id, may_invite).await?;
        self.check_not_direct(room, user_id).await
    }

    /// Refuses to let a third into a room that is a direct one of who would let them in.
    ///
    /// # Errors
    /// [`ChatError::Forbidden`], or the store failed.
    pub async fn check_not_direct(&self, room: &Room, user_id: &UserId) -> Result<(), ChatError> {
        match self.accounts().direct_rooms(user_id).await?.contains_key(room.id()) {
            true => Err(ChatError::forbidden("a direct room has no other members")),
            false => Ok(()),
        }
    }

    /// Refuses codes of somebody who could not make them now.
    pub(crate) async fn check_maker(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        maker: &UserId,
    ) -> Result<(), ChatError> {
        let over = ChatError::Gone("whoever made the invite may not invite any more");
        match self.check_makes_codes(snapshot, room, maker).await {
            Err(ChatError::NotAMember | ChatError::Forbidden(_)) => return Err(over),
            checked => checked?,
        }
        let account = self.accounts().user(maker).await?;
        let may_act =
            |account: &User| !(account.is_locked || account.is_suspended || account.is_deactivated);
        if account.as_ref().is_some_and(may_act) { Ok(()) } else { Err(over) }
    }

    /// Joins a user to a room, invited by who made the code or by another who may: both events or
    /// none.
    pub(crate) async fn let_in(
        &self,
        room: &Room,
        creator: &UserId,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_not_archived(snapshot, room).await?;
        let profile = self.accounts().member_profile(user_id).await?;
        let profile = Profile {
            display_name: profile.displayname,
            avatar_url: profile.avatar_url.map(|url| url.to_string()),
        };
        let member = |sender: &UserId, membership: &str| -> Result<EventRequest, ChatError> {
            let content = Value::Object(profile.to_content(membership));
            Ok(state_event(sender, "m.room.member", user_id.as_str(), &content)?)
        };
        let mut requests = Vec::new();
        if !self.may_join_alone(snapshot, room, user_id).await? {
            let levels = self.levels(snapshot, room).await?;
            let level = levels.invite();
            let sender = self.sender_with_level(snapshot, room, &levels, level, creator).await?;
            requests.push(member(&sender, "invite")?);
        }
        requests.push(member(user_id, "join")?);
        self.rooms().send_all(room, requests).await?;
        Ok(())
    }

    /// Whether the room lets the user in by itself: it is public, or they are invited.
    pub(crate) async fn may_join_alone(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<bool, ChatError> {
        let membership = self.rooms().membership(snapshot, room.nid(), user_id).await?;
        match membership.map(|row| row.value.state) {
            Some(MembershipState::Invite) => return Ok(true),
            Some(MembershipState::Ban) => return Ok(false),
            _ => {}
        }
        let head = self.rooms().head(snapshot, room.nid()).await?;
        let look = self.rooms().look(snapshot, room, &head).await?;
        Ok(look.join_rule == Some(JoinRuleKind::Public))
    }
}

#[cfg(test)]
mod tests {
    use hearth_store::Batch;

    use super::*;
    use crate::{
        NewInviteCode,
        testing::{Fixture, fixture},
    };

    async fn code(fixture: &Fixture, room: &Room, maker: &UserId) -> String {
        let new = NewInviteCode::default();
        fixture.chat.create_invite_code(room, maker, new).await.unwrap().code
    }

    #[tokio::test]
    async fn a_code_is_worth_what_its_maker_may_do() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let carol = fixture.user("carol").await;
        fixture.set_level(&room, &bob, 50).await;
        let (of_bob, of_alice) =
            (code(&fixture, &room, &bob).await, code(&fixture, &room, &alice).await);
        fixture.set_level(&room, &bob, 0).await;
        let refused = fixture.chat.accept_invite_code(&of_bob, &carol).await.unwrap_err();
        assert!(matches!(refused, ChatError::Gone(_)), "{refused}");
        // It is good again while they are in the room with that level.
        fixture.set_level(&room, &bob, 50).await;
        assert!(fixture.chat.invite_code(&of_bob).await.unwrap().is_good);
        fixture.rooms.kick(&room, &alice, &bob, None).await.unwrap();
        for user_id in [&bob, &carol] {
            let refused = fixture.chat.accept_invite_code(&of_bob, user_id).await.unwrap_err();
            assert!(matches!(refused, ChatError::Gone(_)), "{refused}");
        }
        let shown = fixture.chat.invite_code(&of_bob).await.unwrap();
        assert_eq!((shown.is_good, shown.uses), (false, 0));
        // Who was removed and not banned comes in by the code of another.
        fixture.chat.accept_invite_code(&of_alice, &bob).await.unwrap();
    }

    #[tokio::test]
    async fn who_may_only_read_lets_nobody_in() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.user("bob").await);
        let code = code(&fixture, &room, &alice).await;
        fixture.accounts.set_suspended(&alice, true).await.unwrap();
        let refused = fixture.chat.accept_invite_code(&code, &bob).await.unwrap_err();
        assert!(matches!(refused, ChatError::Gone(_)), "{refused}");
        fixture.accounts.set_suspended(&alice, false).await.unwrap();
        fixture.chat.accept_invite_code(&code, &bob).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_comes_into_an_archived_room() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.user("bob").await);
        let code = code(&fixture, &room, &alice).await;
        fixture.chat.archive(&room, &alice).await.unwrap();
        let refused = fixture.chat.accept_invite_code(&code, &bob).await.unwrap_err();
        assert!(matches!(refused, ChatError::Archived), "{refused}");
        assert!(!fixture.chat.invite_code(&code).await.unwrap().is_good);
        let new = NewInviteCode::default();
        let refused = fixture.chat.create_invite_code(&room, &alice, new).await.unwrap_err();
        assert!(matches!(refused, ChatError::Archived), "{refused}");
        let refused = fixture.chat.let_in(&room, &alice, &bob).await.unwrap_err();
        assert!(matches!(refused, ChatError::Archived), "{refused}");
        fixture.chat.unarchive(&room, &alice).await.unwrap();
        fixture.chat.accept_invite_code(&code, &bob).await.unwrap();
    }

    #[tokio::test]
    async fn only_moderators_come_into_their_room() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.user("bob").await);
        let theirs = fixture.chat.moderators_room(&room, &alice).await.unwrap();
        // A code of the time before codes were refused.
        let mut batch = Batch::new();
        MODERATED.delete(&mut batch, &(theirs.nid(),));
        fixture.store.commit(batch).await.unwrap();
        let old = code(&fixture, &theirs, &alice).await;
        fixture.chat.index_moderators_rooms().await.unwrap();
        let refused = fixture.chat.accept_invite_code(&old, &bob).await.unwrap_err();
        assert!(matches!(refused, ChatError::Forbidden(_)), "{refused}");
        let new = NewInviteCode::default();
        let refused = fixture.chat.create_invite_code(&theirs, &alice, new).await.unwrap_err();
        assert!(matches!(refused, ChatError::Forbidden(_)), "{refused}");
        code(&fixture, &room, &alice).await;
    }
}
