//! The follower of the log that notifies people.
//!
//! What a group of facts leads to is committed with the position after them, so nobody is notified
//! twice, and nobody is forgotten, whatever crashes when.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rooms::Snapshot;
use hearth_store::{Batch, Fact, FollowerPosition, Log};
use ruma::{UserId, events::room::member::MembershipState};
use tokio_util::sync::CancellationToken;

use crate::{
    Chat, ChatError,
    notifications::{self, NotificationRow, unread_upto},
    tables::UNREAD,
};

const POSITION: FollowerPosition = FollowerPosition::new("chat");
/// How many facts are read at a time.
const FACTS_MAX: usize = 200;
/// After how many facts that lead to nothing the position is written all the same.
const IDLE_FACTS_MAX: i64 = 1_000;

pub(crate) struct Follower {
    chat: Chat,
    /// The last position dealt with, once it is known.
    position: Option<StreamPosition>,
    /// The last position written.
    written: StreamPosition,
}

impl hearth_store::Follower for Follower {
    type Error = ChatError;

    async fn catch_up(&mut self) -> Result<(), ChatError> {
        self.deal_with_all().await
    }
}

impl Follower {
    pub(crate) fn new(chat: Chat) -> Self {
        Self { chat, position: None, written: StreamPosition::ZERO }
    }

    /// Follows until `stop` fires.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let store = self.chat.store().clone();
        store.follow(self, "notifications", stop).await;
    }

    async fn deal_with_all(&mut self) -> Result<(), ChatError> {
        loop {
            let snapshot = self.chat.snapshot().await?;
            let snapshot = snapshot.as_ref();
            let after = match self.position {
                Some(after) => after,
                None => self.start(snapshot).await?,
            };
            let facts = Log::read(snapshot, after, FACTS_MAX).await?;
            let Some((last, _)) = facts.last() else {
                return Ok(());
            };
            let mut batch = Batch::new();
            for (_, fact) in &facts {
                self.note(snapshot, &mut batch, fact).await?;
            }
            if !batch.is_empty() || last.0 - self.written.0 >= IDLE_FACTS_MAX {
                POSITION.save(&mut batch, *last)?;
                self.chat.store().commit(batch).await?;
                self.written = *last;
            }
            self.position = Some(*last);
        }
    }

    /// Where to begin: a server that had no follower before does not tell what is long past.
    async fn start(&mut self, snapshot: &dyn Snapshot) -> Result<StreamPosition, ChatError> {
        let known = POSITION.load(snapshot).await?;
        let start = if known == StreamPosition::ZERO { snapshot.position() } else { known };
        if known == StreamPosition::ZERO {
            let mut batch = Batch::new();
            POSITION.save(&mut batch, start)?;
            self.chat.store().commit(batch).await?;
        }
        (self.position, self.written) = (Some(start), start);
        Ok(start)
    }

    async fn note(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        fact: &Fact,
    ) -> Result<(), ChatError> {
        match fact {
            Fact::Event { room, event, member } => {
                if let Some(user_id) = member {
                    self.entered(snapshot, batch, *room, user_id).await?;
                }
                match self.event(snapshot, batch, *room, *event).await {
                    Err(error) if error.is_temporary() => return Err(error),
                    Err(error) => tracing::warn!(%error, "an event notifies nobody"),
                    Ok(()) => {}
                }
            }
            Fact::Receipt { room, user, .. } if self.chat.accounts().is_local(user) => {
                let read = self.chat.rooms().read_positions(snapshot, *room, user).await?;
                self.read(snapshot, batch, *room, user, read.of_thread(None)).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn event(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        room: RoomNid,
        event: EventNid,
    ) -> Result<(), ChatError> {
        let rooms = self.chat.rooms();
        let event = rooms.event(snapshot, event).await?;
        self.chat.moderators_changed(snapshot, &event).await?;
        let room = rooms.room_by_nid(snapshot, room).await?;
        for (user_id, kind) in self.chat.notified(snapshot, &room, &event).await? {
            // The receipt may be of the same group of facts: then it finds nothing to read yet.
            let read = rooms.read_positions(snapshot, room.nid(), &user_id).await?;
            let is_read = event.position() <= read.of_thread(None);
            let at_ms = self.chat.now_ms();
            let row = NotificationRow { kind, room: room.nid(), event: event.nid(), at_ms };
            notifications::put(batch, &user_id, &row, (!is_read).then(|| event.position()))?;
        }
        Ok(())
    }

    /// Whoever joined a room has dealt with the invite to it.
    async fn entered(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        let row = self.chat.rooms().membership(snapshot, room, user_id).await?;
        match row.filter(|row| row.value.state != MembershipState::Invite) {
            Some(row) => self.read(snapshot, batch, room, user_id, row.position).await,
            None => Ok(()),
        }
    }

    async fn read(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        room: RoomNid,
        user_id: &UserId,
        upto: StreamPosition,
    ) -> Result<(), ChatError> {
        for key in unread_upto(snapshot, user_id, room, upto).await? {
            UNREAD.delete(batch, &key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hearth_rooms::{ReceiptKind, ReceiptThread};
    use ruma::OwnedUserId;
    use serde_json::json;

    use super::*;
    use crate::{
        NotificationKind,
        testing::{Fixture, fixture},
    };

    async fn kinds(fixture: &Fixture, user_id: &OwnedUserId) -> Vec<(NotificationKind, bool)> {
        let page = fixture.chat.notifications(user_id, None, 100, false).await.unwrap();
        page.notifications.iter().map(|one| (one.kind, one.is_read)).collect()
    }

    /// A follower that starts here, and what makes it deal with what came.
    async fn follower(fixture: &Fixture) -> Follower {
        let mut follower = Follower::new(fixture.restarted());
        follower.deal_with_all().await.unwrap();
        follower
    }

    #[tokio::test]
    async fn mentions_replies_invites_and_direct_messages_notify() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, carol) = (fixture.id("alice"), fixture.member(&room, "carol").await);
        let mut following = follower(&fixture).await;
        let bob = fixture.user("bob").await;
        fixture.invite(&room, &bob).await;
        following.deal_with_all().await.unwrap();
        assert_eq!(kinds(&fixture, &bob).await, [(NotificationKind::RoomInvite, false)]);
        fixture.try_join(&room, &bob).await.unwrap();
        following.deal_with_all().await.unwrap();
        assert_eq!(kinds(&fixture, &bob).await, [(NotificationKind::RoomInvite, true)]);

        let question = fixture.say(&room, &bob, "who is there?").await.unwrap();
        let reply = json!({
            "msgtype": "m.text", "body": "me",
            "m.relates_to": { "m.in_reply_to": { "event_id": question } },
        });
        fixture.send(&room, &alice, &reply).await.unwrap();
        let mention =
            json!({ "msgtype": "m.text", "body": "hi", "m.mentions": { "user_ids": [bob] } });
        fixture.send(&room, &alice, &mention).await.unwrap();
        fixture.say(&room, &alice, "and you, @bob?").await.unwrap();
        following.deal_with_all().await.unwrap();
        let kinds_of_bob = kinds(&fixture, &bob).await;
        let new = [NotificationKind::Mention, NotificationKind::Mention, NotificationKind::Reply];
        assert_eq!(kinds_of_bob[..3], new.map(|kind| (kind, false)));
        assert!(kinds(&fixture, &carol).await.is_empty());
        // Nothing is told twice by who begins again.
        follower(&fixture).await;
        assert_eq!(kinds(&fixture, &bob).await.len(), 4);
    }

    #[tokio::test]
    async fn only_those_who_marked_a_room_as_direct_get_direct_messages() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let mut following = follower(&fixture).await;
        fixture.say(&room, &alice, "not yet").await.unwrap();
        let direct = json!({ (alice.as_str()): [room.id()] });
        let direct = serde_json::value::to_raw_value(&direct).unwrap();
        fixture.accounts.set_account_data(&bob, None, "m.direct", &direct).await.unwrap();
        following.deal_with_all().await.unwrap();
        fixture.say(&room, &alice, "hello").await.unwrap();
        following.deal_with_all().await.unwrap();
        let expected = (NotificationKind::DirectMessage, false);
        // The first message was looked at when the room was marked already.
        assert_eq!(kinds(&fixture, &bob).await, [expected, expected]);
        assert!(kinds(&fixture, &alice).await.is_empty());
    }

    #[tokio::test]
    async fn the_moderators_room_follows_the_list_of_moderators() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        fixture.chat.moderators_room(&room, &bob).await.err().unwrap();
        let theirs = fixture.chat.moderators_room(&room, &alice).await.unwrap();
        let again = fixture.chat.moderators_room(&room, &alice).await.unwrap();
        assert_eq!(again.id(), theirs.id());
        let mut following = follower(&fixture).await;
        for (level, expected) in [(50, true), (0, false), (60, true)] {
            fixture.set_level(&room, &bob, level).await;
            following.deal_with_all().await.unwrap();
            let snapshot = fixture.rooms.snapshot().await.unwrap();
            let is_there = fixture.rooms.is_joined(snapshot.as_ref(), theirs.nid(), &bob).await;
            assert_eq!(is_there.unwrap(), expected, "{level}");
        }
        fixture.rooms.leave(&room, &alice, None).await.unwrap();
        following.deal_with_all().await.unwrap();
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        let head = fixture.rooms.head(snapshot.as_ref(), theirs.nid()).await.unwrap();
        assert_eq!(head.joined_members, 1);
    }

    #[tokio::test]
    async fn what_was_read_before_it_was_dealt_with_is_read() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let mut following = follower(&fixture).await;
        let read = fixture.say(&room, &alice, "@bob 1").await.unwrap();
        fixture
            .rooms
            .set_receipt(&room, &bob, ReceiptKind::Read, &ReceiptThread::Unthreaded, &read)
            .await
            .unwrap();
        fixture.say(&room, &alice, "@bob 2").await.unwrap();
        following.deal_with_all().await.unwrap();
        let expected = [false, true].map(|is_read| (NotificationKind::Mention, is_read));
        assert_eq!(kinds(&fixture, &bob).await, expected);
        assert_eq!(fixture.chat.unread_notifications(&bob).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn notifications_are_read_counted_and_end() {
        let fixture = fixture();
        let room = fixture.private_room("alice").await;
        let (alice, bob) = (fixture.id("alice"), fixture.member(&room, "bob").await);
        let mut following = follower(&fixture).await;
        for number in 0..5 {
            fixture.say(&room, &alice, &format!("@bob {number}")).await.unwrap();
        }
        following.deal_with_all().await.unwrap();
        let chat = &fixture.chat;
        assert_eq!(chat.unread_notifications(&bob).await.unwrap(), 5);
        let page = chat.notifications(&bob, None, 2, true).await.unwrap();
        let first = page.notifications[0].position;
        chat.read_notification(&bob, first).await.unwrap();
        chat.read_notification(&alice, first).await.unwrap_err();
        let rest = chat.notifications(&bob, page.next, 10, true).await.unwrap();
        assert_eq!((rest.notifications.len(), rest.next), (3, None));
        assert_eq!(chat.read_all_notifications(&bob).await.unwrap(), 4);
        assert_eq!(chat.unread_notifications(&bob).await.unwrap(), 0);
        fixture.clock.advance(Duration::from_secs(30 * 24 * 60 * 60 + 1));
        assert!(kinds(&fixture, &bob).await.is_empty());
        chat.expire_notifications().await.unwrap();
        let snapshot = chat.snapshot().await.unwrap();
        let all = crate::tables::NOTIFICATIONS.all();
        let rows = crate::tables::NOTIFICATIONS.scan_all(snapshot.as_ref(), &all).await.unwrap();
        assert!(rows.is_empty());
    }
}
