//! Unread counts: push rules evaluated over the events after the user's receipts, by thread.
//!
//! A count is remembered together with the receipts it started from, so that a new event costs
//! one evaluation and a new receipt one recount. Nothing is written: counts follow from the
//! timeline (decision 3).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
    sync::Arc,
};

use hearth_base::{RoomNid, StreamPosition};
use hearth_rules::{PowerLevels, PushEvent, PushMember, PushRoom, PushRules};
use hearth_store::{Direction, Snapshot};
use moka::sync::Cache;
use ruma::{OwnedEventId, OwnedUserId, UserId};

use crate::{Event, ReadPositions, Room, Rooms, RoomsError, ThreadSubscription};

/// How many events after a receipt are counted at most; a client shows no larger number.
const COUNTED_EVENTS_MAX: usize = 1_000;

/// The counts that are remembered.
pub(crate) type UnreadCache = Cache<(OwnedUserId, RoomNid), Arc<Counted>>;

/// How many events of a room, or of a thread, are worth a user's attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadCounts {
    /// Those that notify.
    pub notifications: u64,
    /// Those of them that are highlighted.
    pub highlights: u64,
}

impl AddAssign for UnreadCounts {
    fn add_assign(&mut self, other: Self) {
        self.notifications += other.notifications;
        self.highlights += other.highlights;
    }
}

/// What a user has not read of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// The events that are in no thread.
    pub main: UnreadCounts,
    /// The events of each thread, by its root.
    pub threads: BTreeMap<OwnedEventId, UnreadCounts>,
}

impl Unread {
    /// The events of the room, threads included.
    #[must_use]
    pub fn total(&self) -> UnreadCounts {
        let mut total = self.main;
        self.threads.values().for_each(|counts| total += *counts);
        total
    }

    fn of_thread(&mut self, root: Option<OwnedEventId>) -> &mut UnreadCounts {
        match root {
            Some(root) => self.threads.entry(root).or_default(),
            None => &mut self.main,
        }
    }

    /// Who speaks has read what was said before.
    fn forget(&mut self, thread: Option<&OwnedEventId>) {
        match thread {
            Some(root) => drop(self.threads.remove(root)),
            None => self.main = UnreadCounts::default(),
        }
    }
}

/// Who reads, and what they want to be notified of.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// The user's push rules.
    pub rules: &'a PushRules,
    /// Whose events the user does not want to see.
    pub ignored: &'a BTreeSet<OwnedUserId>,
}

/// A user's counts in a room.
#[derive(Clone, Default)]
pub(crate) struct Counted {
    /// The events up to here are counted.
    upto: StreamPosition,
    /// The receipts from which the counts started.
    read: ReadPositions,
    unread: Arc<Unread>,
}

/// What all evaluations of one count have in common.
struct Ears {
    member_count: u64,
    levels: Option<PowerLevels>,
    display_name: Option<String>,
}

impl Rooms {
    /// What a member has not read of a room, of the events up to `upto`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn unread(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        upto: StreamPosition,
        reader: Reader<'_>,
    ) -> Result<Arc<Unread>, RoomsError> {
        let read = self.read_positions(snapshot, room.nid(), reader.user_id).await?;
        let key = (reader.user_id.to_owned(), room.nid());
        let known = self.unread_cache().get(&key);
        let known = known.filter(|known| known.read == read && known.upto <= upto);
        let mut counted = match known {
            Some(known) if known.upto == upto => return Ok(Arc::clone(&known.unread)),
            Some(known) => (*known).clone(),
            // A thread without a receipt of its own is read as far as the unthreaded one goes.
            None => Counted { upto: read.unthreaded, read, ..Counted::default() },
        };
        let (after, backward) = (counted.upto, Direction::Backward);
        let limit = COUNTED_EVENTS_MAX;
        let events = self.timeline(snapshot, room.nid(), after, upto, backward, limit).await?;
        if !events.is_empty() {
            let ears = self.ears(snapshot, room, reader.user_id).await?;
            let mut unread = (*counted.unread).clone();
            for event in events.iter().rev().filter(|event| event.redacted_by().is_none()) {
                self.count(snapshot, &mut unread, &counted.read, event, reader, &ears).await?;
            }
            counted.unread = Arc::new(unread);
        }
        counted.upto = upto;
        let unread = Arc::clone(&counted.unread);
        self.unread_cache().insert(key, Arc::new(counted));
        Ok(unread)
    }

    /// Up to where a user has read a room; what was said before they joined counts as read.
    ///
    /// # Errors
    /// The store failed.
    pub async fn read_positions(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<ReadPositions, RoomsError> {
        let mut read = self.receipt_positions(snapshot, room, user_id).await?;
        let membership = self.membership(snapshot, room, user_id).await?;
        let joined = membership.and_then(|row| row.value.last_joined(row.position));
        read.unthreaded = read.unthreaded.max(joined.unwrap_or_default());
        Ok(read)
    }

    async fn count(
        &self,
        snapshot: &dyn Snapshot,
        unread: &mut Unread,
        read: &ReadPositions,
        event: &Event,
        reader: Reader<'_>,
        ears: &Ears,
    ) -> Result<(), RoomsError> {
        let pdu = event.pdu();
        if pdu.sender() == reader.user_id {
            if pdu.state_key().is_none() {
                unread.forget(self.thread_of(snapshot, event).await?.as_ref());
            }
            return Ok(());
        }
        if reader.ignored.contains(pdu.sender()) {
            return Ok(());
        }
        let room = PushRoom { member_count: ears.member_count, levels: ears.levels.as_ref() };
        let root = self.thread_of(snapshot, event).await?;
        let subscribed = match &root {
            Some(root) => {
                self.thread_subscription(snapshot, event.room(), reader.user_id, root).await?
            }
            None => None,
        };
        let subscribed = subscribed.map(ThreadSubscription::is_subscribed);
        let display_name = ears.display_name.as_deref();
        let member = PushMember { user_id: reader.user_id, display_name, subscribed };
        let Some(notify) = reader.rules.evaluate(&PushEvent::new(pdu), room, member) else {
            return Ok(());
        };
        let highlights = u64::from(notify.highlight);
        if event.position() > read.of_thread(root.as_deref()) {
            *unread.of_thread(root) += UnreadCounts { notifications: 1, highlights };
        }
        Ok(())
    }

    async fn ears(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<Ears, RoomsError> {
        let head = self.head(snapshot, room.nid()).await?;
        let member = self.member(snapshot, room.nid(), user_id).await?;
        let name = member.and_then(|member| member.display_name);
        Ok(Ears {
            member_count: head.joined_members,
            // Without levels the rules that need them do not match, and the others still do.
            levels: self.power_levels(snapshot, room, &head).await.ok(),
            display_name: name.or_else(|| Some(user_id.localpart().to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use ruma::push::Ruleset;
    use serde_json::json;

    use super::*;
    use crate::{
        ReceiptKind, ReceiptThread,
        testing::{event, join, message, public_room, relating, rooms, user},
    };

    async fn unread(rooms: &Rooms, room: &Room, user_id: &UserId) -> Unread {
        let snapshot = rooms.snapshot().await.unwrap();
        let rules = PushRules::new(user_id, &Ruleset::server_default(user_id));
        let reader = Reader { user_id, rules: &rules, ignored: &BTreeSet::new() };
        let upto = snapshot.position();
        Arc::unwrap_or_clone(rooms.unread(snapshot.as_ref(), room, upto, reader).await.unwrap())
    }

    #[tokio::test]
    async fn each_thread_has_counts_and_receipts_of_its_own() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let root = rooms.send(&room, message(&alice, "root")).await.unwrap().event_id;
        let reply = rooms.send(&room, relating(&alice, "m.thread", &root)).await.unwrap().event_id;
        let mention = json!({ "body": "bob", "m.mentions": { "user_ids": [bob] } });
        let mention = event(&alice, "m.room.message", None, mention);
        rooms.send(&room, mention).await.unwrap();
        let found = unread(&rooms, &room, &bob).await;
        assert_eq!(found.main, UnreadCounts { notifications: 2, highlights: 1 });
        assert_eq!(found.threads[&root], UnreadCounts { notifications: 1, highlights: 0 });
        assert_eq!(found.total(), UnreadCounts { notifications: 3, highlights: 1 });
        let thread = ReceiptThread::Thread(root.clone());
        rooms.set_receipt(&room, &bob, ReceiptKind::Read, &thread, &reply).await.unwrap();
        let found = unread(&rooms, &room, &bob).await;
        assert!(found.threads.is_empty());
        assert_eq!(found.main.notifications, 2);
        rooms.send(&room, message(&bob, "I am here")).await.unwrap();
        rooms.send(&room, message(&alice, "good")).await.unwrap();
        assert_eq!(unread(&rooms, &room, &bob).await.total().notifications, 1);
        assert_eq!(unread(&rooms, &room, &alice).await.total().notifications, 0, "she spoke last");
    }

    #[tokio::test]
    async fn ignored_people_do_not_count() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        rooms.send(&room, message(&alice, "1")).await.unwrap();
        let snapshot = rooms.snapshot().await.unwrap();
        let rules = PushRules::new(&bob, &Ruleset::server_default(&bob));
        let ignored = BTreeSet::from([alice]);
        let reader = Reader { user_id: &bob, rules: &rules, ignored: &ignored };
        let upto = snapshot.position();
        let found = rooms.unread(snapshot.as_ref(), &room, upto, reader).await.unwrap();
        assert_eq!(*found, Unread::default());
    }

    #[tokio::test]
    async fn a_thread_that_one_unsubscribed_from_is_silent() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let root = rooms.send(&room, message(&alice, "root")).await.unwrap().event_id;
        let reply = async || rooms.send(&room, relating(&alice, "m.thread", &root)).await.unwrap();
        rooms.subscribe_thread(&room, &bob, &root, None).await.unwrap();
        reply().await;
        assert_eq!(unread(&rooms, &room, &bob).await.threads[&root].notifications, 1);
        rooms.unsubscribe_thread(&room, &bob, &root).await.unwrap();
        reply().await;
        assert_eq!(unread(&rooms, &room, &bob).await.threads[&root].notifications, 1);
    }
}
