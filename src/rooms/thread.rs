//! Threads: the replies with `m.thread` to a root (specification, "Threading").
//!
//! A thread has its place in its room's order where its latest reply came. A redacted reply does
//! not count. Which receipts speak for a thread is in [`crate::receipt`].

use std::collections::HashMap;

use hearth_base::{
    EventNid, RoomNid, StreamPosition,
    limits::{PAGE_EVENTS_MAX, ROOM_GROUP_EVENTS_MAX, STORE_PAGE_ROWS_MAX},
};
use hearth_store::{Batch, Direction, Pending, Snapshot, Stamped, StoreError};
use ruma::{EventId, OwnedEventId, UserId, api::client::threads::get_threads::v1::IncludeThreads};
use serde::{Deserialize, Serialize};

use crate::{
    Event, Room, Rooms, RoomsError, Side, Visibility,
    decide::Group,
    relation::{RelatesTo, Relation, RelationKind},
    tables::{RELATIONS, THREAD_ORDER, THREAD_PARTICIPANTS, THREADS},
};

/// How many threads a page may pass over because the reader may not see or does not want them.
const SKIPPED_THREADS_MAX: usize = 5_000;

/// A thread that has replies. The position of the row is that of the latest one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The latest reply.
    pub latest: EventNid,
    /// How many replies there are.
    pub count: u64,
}

/// What is told of a thread with its root.
#[derive(Clone)]
pub struct ThreadSummary {
    /// The latest reply.
    pub latest: Event,
    /// How many replies there are.
    pub count: u64,
    /// Whether the user wrote the root or a reply.
    pub current_user_participated: bool,
}

/// Some threads of a room.
#[derive(Clone)]
pub struct ThreadPage {
    /// The roots, the thread with the latest reply first.
    pub roots: Vec<Event>,
    /// Where to go on; `None` at the end.
    pub next: Option<Side>,
}

/// The threads that a group of events changes, as they are after the events decided so far.
#[derive(Clone, Default)]
pub(crate) struct ThreadOverlay(HashMap<OwnedEventId, TentativeThread>);

#[derive(Clone)]
struct TentativeThread {
    /// Where the store has the thread in its room's order.
    stored: Option<StreamPosition>,
    /// The thread and its place in that order; `None` if no reply is left.
    present: Option<(Place, Thread)>,
}

#[derive(Clone, Copy)]
enum Place {
    Stored(StreamPosition),
    Pending(Pending),
}

impl ThreadOverlay {
    /// Writes every thread once, as the last event of the group left it.
    ///
    /// # Errors
    /// A row cannot be encoded.
    pub(crate) fn flush(self, batch: &mut Batch, room: RoomNid) -> Result<(), StoreError> {
        for (root, TentativeThread { stored, present }) in self.0 {
            let key = (room, &*root);
            if let Some(position) = stored {
                THREAD_ORDER.delete(batch, &(room, position));
            }
            match present {
                None => THREADS.delete(batch, &key),
                Some((Place::Pending(pending), thread)) => {
                    THREADS.put(batch, &key, pending, &thread)?;
                    THREAD_ORDER.put(batch, &(room, pending), &root)?;
                }
                Some((Place::Stored(position), value)) => {
                    THREADS.rewrite(batch, &key, &Stamped { position, value })?;
                    THREAD_ORDER.put(batch, &(room, position), &root)?;
                }
            }
        }
        Ok(())
    }
}

impl Group<'_> {
    /// Counts a new reply, which is now the latest one.
    pub(crate) async fn join_thread(
        &mut self,
        batch: &mut Batch,
        pending: Pending,
        event: &Event,
        root: OwnedEventId,
    ) -> Result<(), RoomsError> {
        THREAD_PARTICIPANTS.put(batch, &(&*root, event.pdu().sender()), &())?;
        let mut thread = self.tentative_thread(&root).await?;
        let count = thread.present.map_or(0, |(_, thread)| thread.count) + 1;
        thread.present = Some((Place::Pending(pending), Thread { latest: event.nid(), count }));
        self.tentative.threads.0.insert(root, thread);
        Ok(())
    }

    /// Counts a redacted reply no longer; the one before it may become the latest again.
    pub(crate) async fn leave_thread(
        &mut self,
        batch: &mut Batch,
        target: &Event,
        root: OwnedEventId,
    ) -> Result<(), RoomsError> {
        if !self.has_replied(&root, target.pdu().sender()).await? {
            THREAD_PARTICIPANTS.delete(batch, &(&*root, target.pdu().sender()));
        }
        let mut thread = self.tentative_thread(&root).await?;
        let Some((mut place, Thread { mut latest, count })) = thread.present else {
            return Ok(());
        };
        let mut left = count.saturating_sub(1);
        if latest == target.nid() {
            match self.latest_reply(&root).await? {
                Some((reply, at)) => (latest, place) = (reply, at),
                None => left = 0,
            }
        }
        thread.present = (left > 0).then_some((place, Thread { latest, count: left }));
        self.tentative.threads.0.insert(root, thread);
        Ok(())
    }

    /// Whether the group leaves a reply of a user unredacted; of very many replies the latest are
    /// looked at.
    async fn has_replied(&self, root: &EventId, user_id: &UserId) -> Result<bool, RoomsError> {
        let redacted = &self.tentative.redacted;
        let mut new = self.tentative.events.values().filter(|new| {
            new.event.pdu().sender() == user_id && !redacted.contains(&new.event.nid())
        });
        let is_reply = |event: &Event| {
            RelatesTo::of(event.pdu()).is_some_and(|relates| relates.is_in_thread(root))
        };
        if new.any(|new| is_reply(&new.event)) {
            return Ok(true);
        }
        let range = RELATIONS.prefix(&(root, RelationKind::Thread.number()));
        let (snapshot, backward) = (self.snapshot.as_ref(), Direction::Backward);
        let rows = RELATIONS.scan(snapshot, &range, backward, STORE_PAGE_ROWS_MAX).await?;
        let is_full = rows.len() == STORE_PAGE_ROWS_MAX;
        let is_left = |row: &Relation| row.sender == user_id && !redacted.contains(&row.child);
        Ok(is_full || rows.iter().any(|(_, row)| is_left(row)))
    }

    async fn tentative_thread(&self, root: &EventId) -> Result<TentativeThread, RoomsError> {
        if let Some(thread) = self.tentative.threads.0.get(root) {
            return Ok(thread.clone());
        }
        let row = THREADS.get(self.snapshot.as_ref(), &(self.room.nid(), root)).await?;
        Ok(TentativeThread {
            stored: row.as_ref().map(|row| row.position),
            present: row.map(|row| (Place::Stored(row.position), row.value)),
        })
    }

    /// The latest reply that the group leaves unredacted.
    async fn latest_reply(&self, root: &EventId) -> Result<Option<(EventNid, Place)>, RoomsError> {
        let redacted = &self.tentative.redacted;
        let is_reply = |event: &Event| {
            !redacted.contains(&event.nid())
                && RelatesTo::of(event.pdu()).is_some_and(|relates| relates.is_in_thread(root))
        };
        let new = self.tentative.events.values().filter(|new| is_reply(&new.event));
        if let Some(new) = new.max_by_key(|new| new.event.nid()) {
            return Ok(Some((new.event.nid(), Place::Pending(new.pending))));
        }
        let range = RELATIONS.prefix(&(root, RelationKind::Thread.number()));
        // The group can have redacted no more replies than it has events.
        let limit = ROOM_GROUP_EVENTS_MAX.max(redacted.len()) + 1;
        let snapshot = self.snapshot.as_ref();
        let rows = RELATIONS.scan(snapshot, &range, Direction::Backward, limit).await?;
        let mut left = rows.into_iter().filter(|(_, row)| !redacted.contains(&row.child));
        Ok(left.next().map(|((_, _, position), row)| (row.child, Place::Stored(position))))
    }
}

impl Rooms {
    /// A page of a room's threads whose roots the user may see, the latest reply first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn threads(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        include: &IncludeThreads,
        from: Option<Side>,
        limit: usize,
    ) -> Result<ThreadPage, RoomsError> {
        let limit = limit.clamp(1, PAGE_EVENTS_MAX);
        let mut visibility = self.visibility(snapshot, room, user_id).await?;
        let mut upto = from.map_or(snapshot.position(), |from| from.0);
        let (mut skipped, mut roots) = (0, Vec::new());
        loop {
            let (start, end) = ((room.nid(), StreamPosition::MIN), (room.nid(), upto.next()));
            let wish = limit + 1 - roots.len();
            let range = THREAD_ORDER.between(&start, &end);
            let rows = THREAD_ORDER.scan(snapshot, &range, Direction::Backward, wish).await?;
            let exhausted = rows.len() < wish;
            for ((_, position), root) in rows {
                if roots.len() == limit || skipped == SKIPPED_THREADS_MAX {
                    return Ok(ThreadPage { roots, next: Some(Side(upto)) });
                }
                upto = position.previous();
                let root = self.wanted_root(snapshot, room, &root, include, user_id).await?;
                match root {
                    Some(root) if visibility.may_see(&root).await? => roots.push(root),
                    _ => skipped += 1,
                }
            }
            if exhausted {
                return Ok(ThreadPage { roots, next: None });
            }
        }
    }

    async fn wanted_root(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        root: &EventId,
        include: &IncludeThreads,
        user_id: &UserId,
    ) -> Result<Option<Event>, RoomsError> {
        let root = self.event_by_id(snapshot, root).await?;
        let Some(root) = root.filter(|root| root.room() == room.nid()) else {
            return Ok(None);
        };
        let is_wanted = match include {
            IncludeThreads::Participated => self.participates(snapshot, &root, user_id).await?,
            _ => true,
        };
        Ok(is_wanted.then_some(root))
    }

    /// What is told of the thread of a root; `None` if it has no reply that the user may see.
    pub(crate) async fn thread_summary(
        &self,
        snapshot: &dyn Snapshot,
        root: &Event,
        visibility: &mut Visibility<'_>,
        user_id: &UserId,
    ) -> Result<Option<ThreadSummary>, RoomsError> {
        let key = (root.room(), root.pdu().event_id());
        let Some(thread) = THREADS.get(snapshot, &key).await? else {
            return Ok(None);
        };
        let latest = self.event(snapshot, thread.value.latest).await?;
        if !visibility.may_see(&latest).await? {
            return Ok(None);
        }
        Ok(Some(ThreadSummary {
            latest,
            count: thread.value.count,
            current_user_participated: self.participates(snapshot, root, user_id).await?,
        }))
    }

    /// Whether a user wrote the root or a reply.
    async fn participates(
        &self,
        snapshot: &dyn Snapshot,
        root: &Event,
        user_id: &UserId,
    ) -> Result<bool, RoomsError> {
        if root.pdu().sender() == user_id {
            return Ok(true);
        }
        let key = (root.pdu().event_id(), user_id);
        Ok(THREAD_PARTICIPANTS.get(snapshot, &key).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{join, message, public_room, redaction, relating, rooms, user};

    async fn counts(rooms: &Rooms, room: &Room, user_id: &UserId) -> Vec<(String, u64)> {
        let snapshot = rooms.snapshot().await.unwrap();
        let snapshot = snapshot.as_ref();
        let all = IncludeThreads::All;
        let page = rooms.threads(snapshot, room, user_id, &all, None, 10).await.unwrap();
        let mut counts = Vec::new();
        for root in page.roots {
            let mut visibility = rooms.visibility(snapshot, room, user_id).await.unwrap();
            let summary = rooms.thread_summary(snapshot, &root, &mut visibility, user_id).await;
            let body: serde_json::Value = root.pdu().content_as().unwrap();
            let body = body["body"].as_str().unwrap().to_owned();
            counts.push((body, summary.unwrap().unwrap().count));
        }
        counts
    }

    #[tokio::test]
    async fn replies_of_one_batch_all_count_and_order_the_threads() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let a = rooms.send(&room, message(&alice, "a")).await.unwrap().event_id;
        let b = rooms.send(&room, message(&alice, "b")).await.unwrap().event_id;
        let reply = |root| relating(&alice, "m.thread", root);
        let expect = async |wanted: &[(&str, u64)]| {
            let found = counts(&rooms, &room, &alice).await;
            let found: Vec<_> = found.iter().map(|(body, count)| (&**body, *count)).collect();
            assert_eq!(found, wanted);
        };
        expect(&[]).await;
        rooms.send_all(&room, vec![reply(&a), reply(&b), reply(&a)]).await.unwrap();
        expect(&[("a", 2), ("b", 1)]).await;
        rooms.send(&room, reply(&b)).await.unwrap();
        expect(&[("b", 2), ("a", 2)]).await;
    }

    #[tokio::test]
    async fn a_redacted_reply_does_not_count_and_gives_up_its_place() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let a = rooms.send(&room, message(&alice, "a")).await.unwrap().event_id;
        let b = rooms.send(&room, message(&alice, "b")).await.unwrap().event_id;
        let reply = |root| relating(&alice, "m.thread", root);
        let requests = vec![reply(&a), reply(&b), reply(&a)];
        let sent = rooms.send_all(&room, requests).await.unwrap();
        rooms.send(&room, redaction(&alice, &sent[2].event_id)).await.unwrap();
        let found = counts(&rooms, &room, &alice).await;
        assert_eq!(found, [("b".to_owned(), 1), ("a".to_owned(), 1)]);
        rooms.send(&room, redaction(&alice, &sent[0].event_id)).await.unwrap();
        assert_eq!(counts(&rooms, &room, &alice).await, [("b".to_owned(), 1)]);
        rooms.send(&room, reply(&a)).await.unwrap();
        let found = counts(&rooms, &room, &alice).await;
        assert_eq!(found, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }

    #[tokio::test]
    async fn threads_come_in_pages_and_by_participation() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let mut roots = Vec::new();
        for sender in [&alice, &bob, &alice] {
            let root = rooms.send(&room, message(sender, "root")).await.unwrap().event_id;
            rooms.send(&room, relating(&alice, "m.thread", &root)).await.unwrap();
            roots.push(root);
        }
        let joining = relating(&bob, "m.thread", &roots[0]);
        rooms.send(&room, joining).await.unwrap();
        let snapshot = rooms.snapshot().await.unwrap();
        let page = async |include: IncludeThreads, from| {
            let page = rooms.threads(snapshot.as_ref(), &room, &bob, &include, from, 2).await;
            let page = page.unwrap();
            let ids = page.roots.iter().map(|root| root.pdu().event_id().to_owned());
            (ids.collect::<Vec<_>>(), page.next)
        };
        let (first, next) = page(IncludeThreads::All, None).await;
        assert_eq!(first, [roots[0].clone(), roots[2].clone()]);
        assert_eq!(page(IncludeThreads::All, next).await, (vec![roots[1].clone()], None));
        let (participated, next) = page(IncludeThreads::Participated, None).await;
        assert_eq!(participated, [roots[0].clone(), roots[1].clone()]);
        assert_eq!(next, None);
    }
}
