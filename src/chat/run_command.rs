//! What commands do. Each checks what its sender may do, by the room's own rules.

use std::time::Duration;

use hearth_rooms::{Invitation, Profile, Room, state_event};
use ruma::UserId;
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    AuditAction, Chat, ChatError, Command, Mute, MuteRequest,
    audit::Audit,
    command::HELP,
    limits::{TIMEOUT_MINUTES_MAX, TIMEOUT_MINUTES_MIN},
    mutes::check_reason,
};

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It is done; only the sender is told this.
    Done(String),
    /// An emote has to be sent to the room.
    Emote(String),
    /// The sender wants to be called this.
    Rename(String),
}

impl Chat {
    /// Runs a command of somebody in a room.
    ///
    /// # Errors
    /// The sender is not in the room or may not, or the store failed.
    pub async fn run_command(
        &self,
        room: &Room,
        sender: &UserId,
        command: Command,
    ) -> Result<Ran, ChatError> {
        let snapshot = self.snapshot().await?;
        self.check_member(snapshot.as_ref(), room, sender).await?;
        let done = match command {
            Command::Me(text) => return Ok(Ran::Emote(text)),
            Command::Nick(name) => return Ok(Ran::Rename(name)),
            Command::Help => HELP.to_owned(),
            Command::Kick(user_id, reason) => {
                self.kick(room, sender, &user_id, reason.as_deref()).await?;
                format!("{user_id} was removed")
            }
            Command::Ban(user_id, reason) => {
                self.ban(room, sender, &user_id, reason.as_deref()).await?;
                format!("{user_id} was banned")
            }
            Command::Unban(user_id) => {
                self.unban(room, sender, &user_id).await?;
                format!("{user_id} is no longer banned")
            }
            Command::Mute(user_id, duration, reason) => {
                let reason = reason.as_deref();
                let mute = self.mute_by_command(room, sender, &user_id, duration, reason).await?;
                muted(&mute)
            }
            Command::Unmute(user_id) => {
                self.unmute(room, sender, &user_id).await?;
                format!("{user_id} is no longer muted")
            }
            Command::Invite(user_id) => {
                self.invite_by_command(room, sender, &user_id).await?;
                format!("{user_id} is invited")
            }
            Command::Topic(topic) => {
                let content = json!({ "topic": topic });
                let request = state_event(sender, "m.room.topic", "", &content)?;
                self.rooms().send(room, request).await?;
                "the topic was changed".to_owned()
            }
            Command::Leave => {
                self.rooms().leave(room, sender, None).await?;
                "you left the room".to_owned()
            }
        };
        Ok(Ran::Done(done))
    }

    /// Removes somebody from a room.
    ///
    /// # Errors
    /// They are not there, the sender may not, or the store failed.
    pub async fn kick(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<(), ChatError> {
        self.check_moderator(room, sender, reason).await?;
        self.rooms().kick(room, sender, user_id, reason).await?;
        self.audit(act(AuditAction::Kick, room, sender, user_id, reason)).await
    }

    /// Bans somebody from a room, whether they are there or not.
    ///
    /// # Errors
    /// The sender may not, or the store failed.
    pub async fn ban(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<(), ChatError> {
        self.check_moderator(room, sender, reason).await?;
        self.rooms().ban(room, sender, user_id, reason).await?;
        self.audit(act(AuditAction::Ban, room, sender, user_id, reason)).await
    }

    /// Lifts a ban.
    ///
    /// # Errors
    /// They are not banned, the sender may not, or the store failed.
    pub async fn unban(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        self.check_moderator(room, sender, None).await?;
        self.rooms().unban(room, sender, user_id, None).await?;
        self.audit(act(AuditAction::Unban, room, sender, user_id, None)).await
    }

    /// Whoever is not in a room does not moderate it; what its members may is for the room to say.
    async fn check_moderator(
        &self,
        room: &Room,
        sender: &UserId,
        reason: Option<&str>,
    ) -> Result<(), ChatError> {
        check_reason(reason)?;
        let snapshot = self.snapshot().await?;
        self.check_member(snapshot.as_ref(), room, sender).await
    }

    /// A mute of as many minutes as a timeout has is one.
    async fn mute_by_command(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        duration: Option<Duration>,
        reason: Option<&str>,
    ) -> Result<Mute, ChatError> {
        let minutes = duration.map(|duration| duration.as_secs()).unwrap_or_default() / 60;
        if (TIMEOUT_MINUTES_MIN..=TIMEOUT_MINUTES_MAX).contains(&minutes) {
            self.time_out(room, sender, user_id, minutes, reason).await
        } else {
            self.mute(room, MuteRequest { sender, user_id, duration, reason }).await
        }
    }

    async fn invite_by_command(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        if !self.accounts().is_local(user_id) || self.accounts().user(user_id).await?.is_none() {
            return Err(ChatError::NotFound("user"));
        }
        let snapshot = self.snapshot().await?;
        self.check_not_archived(snapshot.as_ref(), room).await?;
        self.check_not_direct(room, sender).await?;
        let profile = self.accounts().member_profile(user_id).await?;
        let invite = Invitation {
            sender: sender.to_owned(),
            user_id: user_id.to_owned(),
            profile: Profile {
                display_name: profile.displayname,
                avatar_url: profile.avatar_url.map(|url| url.to_string()),
            },
            reason: None,
            is_direct: false,
        };
        self.rooms().invite(room, invite).await?;
        Ok(())
    }
}

/// What who muted somebody is told, with the end of it to the second.
fn muted(mute: &Mute) -> String {
    let ends = mute.ends_ms.and_then(|ms| i64::try_from(ms / 1_000).ok());
    let ends = ends.and_then(|ends_s| OffsetDateTime::from_unix_timestamp(ends_s).ok());
    let until = ends.map_or_else(
        || "somebody ends it".to_owned(),
        |ends| {
            let (date, (hour, minute, second)) = (ends.date(), ends.to_hms());
            format!("{date} {hour:02}:{minute:02}:{second:02} UTC")
        },
    );
    format!("{} is muted until {until}", mute.user_id)
}

fn act(
    action: AuditAction,
    room: &Room,
    sender: &UserId,
    user_id: &UserId,
    reason: Option<&str>,
) -> Audit {
    Audit::new(sender, action).room(room.id()).user(user_id).reason(reason)
}

#[cfg(test)]
mod tests {
    use ruma::events::room::member::MembershipState;

    use super::*;
    use crate::{
        Spoken,
        testing::{Fixture, fixture},
    };

    async fn run(
        fixture: &Fixture,
        room: &Room,
        sender: &UserId,
        line: &str,
    ) -> Result<Ran, ChatError> {
        match Spoken::parse(line, fixture.rooms.server_name())? {
            Spoken::Command(command) => fixture.chat.run_command(room, sender, command).await,
            Spoken::Text(text) => panic!("{text} is no command"),
        }
    }

    async fn state(fixture: &Fixture, room: &Room, user_id: &UserId) -> Option<MembershipState> {
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let row = fixture.rooms.membership(snapshot.as_ref(), room.nid(), user_id).await;
        row.unwrap().map(|row| row.value.state)
    }

    #[test]
    fn who_mutes_is_told_until_when() {
        let mute = |ends_ms| Mute {
            user_id: hearth_fixtures::id("bob"),
            by: hearth_fixtures::id("alice"),
            reason: None,
            since_ms: 0,
            ends_ms,
        };
        let told = muted(&mute(Some(1_772_325_296_700)));
        assert!(told.ends_with("bob:example.org is muted until 2026-03-01 00:34:56 UTC"), "{told}");
        assert!(muted(&mute(None)).ends_with("until somebody ends it"));
    }

    #[tokio::test]
    async fn commands_do_what_their_sender_may() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let carol = fixture.user("carol").await;
        for line in ["/kick alice", "/ban alice", "/mute alice 5m", "/topic mine"] {
            let refused = run(&fixture, &room, &bob, line).await.unwrap_err();
            assert!(matches!(refused, ChatError::Forbidden(_)), "{line}: {refused}");
        }
        let refused = run(&fixture, &room, &carol, "/help").await.unwrap_err();
        assert!(matches!(refused, ChatError::NotAMember), "{refused}");
        let emote = run(&fixture, &room, &bob, "/me waves").await.unwrap();
        assert_eq!(emote, Ran::Emote("waves".to_owned()));
        for line in ["/mute bob 5m", "/unmute bob", "/ban bob", "/unban bob", "/invite carol"] {
            run(&fixture, &room, &alice, line).await.unwrap();
        }
        assert_eq!(state(&fixture, &room, &bob).await, Some(MembershipState::Leave));
        assert_eq!(state(&fixture, &room, &carol).await, Some(MembershipState::Invite));
        assert_eq!(fixture.chat.standing(&bob).await.unwrap(), 90);
        let nobody = run(&fixture, &room, &alice, "/invite nobody").await.unwrap_err();
        assert!(matches!(nobody, ChatError::NotFound(_)), "{nobody}");
        run(&fixture, &room, &alice, "/leave").await.unwrap();
        assert_eq!(state(&fixture, &room, &alice).await, Some(MembershipState::Leave));
    }
}
