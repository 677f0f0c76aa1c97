//! Read receipts: up to which event a user has read a room, or one of its threads.
//!
//! A receipt never moves backwards, and names an event that is in the room. `m.fully_read` is
//! account data and deliberately absent; so are typing and presence, which are not stored.

use std::{collections::HashMap, fmt, str::FromStr};

use hearth_base::{RoomNid, StreamPosition};
use hearth_store::{Batch, CommitError, Fact, Snapshot, Stamped};
use ruma::{EventId, OwnedEventId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Event, Room, Rooms, RoomsError,
    tables::{RECEIPT_ORDER, RECEIPTS},
};

/// How often a receipt is set again when another device of the user was faster.
const CONFLICT_RETRIES_MAX: usize = 8;
/// The thread of the events that are in no thread.
const MAIN: &str = "main";

/// Who may see a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReceiptKind {
    /// `m.read`: everybody in the room.
    Read,
    /// `m.read.private`: only the user.
    ReadPrivate,
}

impl ReceiptKind {
    /// The receipt type in Matrix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "m.read",
            Self::ReadPrivate => "m.read.private",
        }
    }
}

impl fmt::Display for ReceiptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a receipt speaks for (specification, "Threaded read receipts").
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReceiptThread {
    /// The whole room, for clients that do not know threads.
    Unthreaded,
    /// The events that are in no thread.
    Main,
    /// The thread of this root.
    Thread(OwnedEventId),
}

impl ReceiptThread {
    /// The value of `thread_id`; `None` if there is none.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Unthreaded => None,
            Self::Main => Some(MAIN),
            Self::Thread(root) => Some(root.as_str()),
        }
    }

    fn as_key(&self) -> &str {
        self.as_str().unwrap_or_default()
    }
}

/// Reads a `thread_id`.
impl FromStr for ReceiptThread {
    type Err = RoomsError;

    fn from_str(thread_id: &str) -> Result<Self, RoomsError> {
        if thread_id == MAIN {
            return Ok(Self::Main);
        }
        let root = OwnedEventId::try_from(thread_id);
        root.map(Self::Thread)
            .map_err(|_| RoomsError::InvalidParam(format!("{thread_id:?} is not a thread")))
    }
}

/// Up to which event a user has read. The position of the row is when the user said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The last event that was read.
    pub event_id: OwnedEventId,
    /// Its position in the stream.
    pub event_position: StreamPosition,
    /// When it was read, in milliseconds since the Unix epoch.
    pub ts_ms: u64,
}

/// Which receipt changed at a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptKey {
    /// Whose.
    pub user: OwnedUserId,
    /// Who may see it.
    pub kind: ReceiptKind,
    /// What it speaks for.
    pub thread: ReceiptThread,
}

/// A receipt that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptChange {
    /// Whose.
    pub user: OwnedUserId,
    /// Who may see it.
    pub kind: ReceiptKind,
    /// What it speaks for.
    pub thread: ReceiptThread,
    /// The receipt.
    pub receipt: Receipt,
    /// When it was set.
    pub position: StreamPosition,
}

/// Up to which positions of a room a user has read, by public or private receipts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadPositions {
    /// Everything up to here, threads included.
    pub unthreaded: StreamPosition,
    /// The events that are in no thread.
    pub main: StreamPosition,
    /// The events of a thread, by its root.
    pub threads: HashMap<OwnedEventId, StreamPosition>,
}

impl ReadPositions {
    /// Up to which position a thread was read; `None` means the events that are in no thread.
    #[must_use]
    pub fn of_thread(&self, root: Option<&EventId>) -> StreamPosition {
        let threaded = match root {
            Some(root) => self.threads.get(root).copied().unwrap_or_default(),
            None => self.main,
        };
        threaded.max(self.unthreaded)
    }

    fn add(&mut self, thread: ReceiptThread, read: StreamPosition) {
        let known = match thread {
            ReceiptThread::Unthreaded => &mut self.unthreaded,
            ReceiptThread::Main => &mut self.main,
            ReceiptThread::Thread(root) => self.threads.entry(root).or_default(),
        };
        *known = read.max(*known);
    }
}

impl Rooms {
    /// Remembers that a user has read a room, or a thread of it, up to an event. A receipt for
    /// an older event than the present one changes nothing.
    ///
    /// # Errors
    /// [`RoomsError::Forbidden`] if the user has not joined the room, [`RoomsError::NotFound`] if
    /// the event is not in it, [`RoomsError::InvalidParam`] if it is not in the thread, or the
    /// store failed.
    pub async fn set_receipt(
        &self,
        room: &Room,
        user_id: &UserId,
        kind: ReceiptKind,
        thread: &ReceiptThread,
        event_id: &EventId,
    ) -> Result<(), RoomsError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.snapshot().await?;
            if !self.is_joined(snapshot.as_ref(), room.nid(), user_id).await? {
                return Err(RoomsError::Forbidden("you are not in this room".to_owned()));
            }
            let event = self.visible_event(snapshot.as_ref(), room, event_id, user_id).await?;
            self.check_thread(snapshot.as_ref(), &event, thread).await?;
            let key = (user_id, kind, thread);
            let Some(batch) = self.receipt_batch(snapshot.as_ref(), key, &event).await? else {
                return Ok(());
            };
            match self.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(RoomsError::Busy)
    }

    /// What a receipt changes; `None` if it would not move forward.
    async fn receipt_batch(
        &self,
        snapshot: &dyn Snapshot,
        (user_id, kind, thread): (&UserId, ReceiptKind, &ReceiptThread),
        event: &Event,
    ) -> Result<Option<Batch>, RoomsError> {
        let room = event.room();
        let key = (room, user_id, kind.as_str(), thread.as_key());
        let before = RECEIPTS.get(snapshot, &key).await?;
        let mut batch = Batch::new();
        if let Some(before) = &before {
            if before.value.event_position >= event.position() {
                return Ok(None);
            }
            RECEIPT_ORDER.delete(&mut batch, &(room, before.position));
        }
        let user = user_id.to_owned();
        let private = kind == ReceiptKind::ReadPrivate;
        let pending = batch.fact(Fact::Receipt { room, user: user.clone(), private });
        let receipt = Receipt {
            event_id: event.pdu().event_id().to_owned(),
            event_position: event.position(),
            ts_ms: self.clock().now_ms(),
        };
        RECEIPTS.replace(&mut batch, &key, pending, before.as_ref(), &receipt)?;
        let changed = ReceiptKey { user, kind, thread: thread.clone() };
        RECEIPT_ORDER.put(&mut batch, &(room, pending), &changed)?;
        Ok(Some(batch))
    }

    /// Refuses a receipt for an event that is not in its thread; a root is in its own thread and
    /// in the main timeline.
    async fn check_thread(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        thread: &ReceiptThread,
    ) -> Result<(), RoomsError> {
        let is_in_thread = match thread {
            ReceiptThread::Unthreaded => true,
            ReceiptThread::Main => self.thread_of(snapshot, event).await?.is_none(),
            ReceiptThread::Thread(root) => {
                event.pdu().event_id() == root
                    || self.thread_of(snapshot, event).await?.as_ref() == Some(root)
            }
        };
        if is_in_thread {
            Ok(())
        } else {
            Err(RoomsError::InvalidParam("the event is not in that thread".to_owned()))
        }
    }

    /// The receipts of a room that were set after `since` and up to `upto`, as `viewer` sees
    /// them: other people's private ones are left out. Only the latest of each is there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn receipts_since(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        since: StreamPosition,
        upto: StreamPosition,
        viewer: &UserId,
    ) -> Result<Vec<ReceiptChange>, RoomsError> {
        let range = RECEIPT_ORDER.between(&(room, since.next()), &(room, upto.next()));
        let mut changed = RECEIPT_ORDER.scan_all(snapshot, &range).await?;
        changed.retain(|(_, key)| key.kind == ReceiptKind::Read || key.user == *viewer);
        let keys = changed
            .iter()
            .map(|(_, key)| (room, &*key.user, key.kind.as_str(), key.thread.as_key()));
        let rows = RECEIPTS.get_many(snapshot, keys).await?;
        Ok(changed
            .into_iter()
            .zip(rows)
            .filter_map(|((_, key), row)| {
                let Stamped { position, value: receipt } = row?;
                let ReceiptKey { user, kind, thread } = key;
                Some(ReceiptChange { user, kind, thread, receipt, position })
            })
            .collect())
    }

    /// All receipts of a user in a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn receipts_of(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<Vec<ReceiptChange>, RoomsError> {
        let rows = RECEIPTS.scan_all(snapshot, &RECEIPTS.prefix(&(room, user_id))).await?;
        let mut receipts = Vec::with_capacity(rows.len());
        for ((_, user, kind, thread), Stamped { position, value: receipt }) in rows {
            let thread =
                if thread.is_empty() { ReceiptThread::Unthreaded } else { thread.parse()? };
            let kinds = [ReceiptKind::Read, ReceiptKind::ReadPrivate];
            let Some(kind) = kinds.into_iter().find(|known| known.as_str() == kind) else {
                continue;
            };
            receipts.push(ReceiptChange { user, kind, thread, receipt, position });
        }
        Ok(receipts)
    }

    /// Up to which positions a user has read a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn receipt_positions(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<ReadPositions, RoomsError> {
        let rows = RECEIPTS.scan_all(snapshot, &RECEIPTS.prefix(&(room, user_id))).await?;
        let mut positions = ReadPositions::default();
        for ((_, _, _, thread), row) in rows {
            let thread =
                if thread.is_empty() { ReceiptThread::Unthreaded } else { thread.parse()? };
            positions.add(thread, row.value.event_position);
        }
        Ok(positions)
    }
}

#[cfg(test)]
mod tests {
    use ruma::event_id;

    use super::*;
    use crate::testing::{join, message, public_room, relating, rooms, user};

    async fn changes(rooms: &Rooms, room: &Room, viewer: &UserId) -> Vec<(String, OwnedEventId)> {
        let snapshot = rooms.snapshot().await.unwrap();
        let (since, upto) = (StreamPosition::ZERO, snapshot.position());
        let found = rooms.receipts_since(snapshot.as_ref(), room.nid(), since, upto, viewer).await;
        let named = |change: ReceiptChange| {
            assert!(change.position <= upto && change.receipt.event_position < change.position);
            (change.user.localpart().to_owned(), change.receipt.event_id)
        };
        found.unwrap().into_iter().map(named).collect()
    }

    #[tokio::test]
    async fn a_receipt_moves_forward_only() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let first = rooms.send(&room, message(&alice, "1")).await.unwrap().event_id;
        let second = rooms.send(&room, message(&alice, "2")).await.unwrap().event_id;
        let (read, all) = (ReceiptKind::Read, ReceiptThread::Unthreaded);
        for event_id in [&first, &second, &first] {
            rooms.set_receipt(&room, &alice, read, &all, event_id).await.unwrap();
        }
        assert_eq!(changes(&rooms, &room, &alice).await, [("alice".to_owned(), second)]);
    }

    #[tokio::test]
    async fn other_peoples_private_receipts_are_hidden() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let sent = rooms.send(&room, message(&alice, "1")).await.unwrap();
        let (private, all) = (ReceiptKind::ReadPrivate, ReceiptThread::Unthreaded);
        rooms.set_receipt(&room, &bob, private, &all, &sent.event_id).await.unwrap();
        assert!(changes(&rooms, &room, &alice).await.is_empty());
        assert_eq!(changes(&rooms, &room, &bob).await.len(), 1);
        let snapshot = rooms.snapshot().await.unwrap();
        let read = rooms.receipt_positions(snapshot.as_ref(), room.nid(), &bob).await.unwrap();
        assert_eq!(Some(read.of_thread(None)), sent.position);
    }

    #[tokio::test]
    async fn strangers_and_events_of_other_rooms_are_refused() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        let other = public_room(&rooms, &user("carol")).await;
        join(&rooms, &other, &alice).await.unwrap();
        let sent = rooms.send(&room, message(&alice, "1")).await.unwrap().event_id;
        let (read, all) = (ReceiptKind::Read, ReceiptThread::Unthreaded);
        let stranger = rooms.set_receipt(&room, &bob, read, &all, &sent).await.unwrap_err();
        assert!(matches!(stranger, RoomsError::Forbidden(_)));
        let elsewhere = rooms.set_receipt(&other, &alice, read, &all, &sent).await.unwrap_err();
        assert!(matches!(elsewhere, RoomsError::NotFound(_)));
    }

    #[tokio::test]
    async fn a_threaded_receipt_names_an_event_of_its_thread() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let root = rooms.send(&room, message(&alice, "root")).await.unwrap().event_id;
        let reply = relating(&alice, "m.thread", &root);
        let reply = rooms.send(&room, reply).await.unwrap().event_id;
        let edit = relating(&alice, "m.replace", &reply);
        let edit = rooms.send(&room, edit).await.unwrap().event_id;
        let thread = ReceiptThread::Thread(root.clone());
        let set = async |thread: &ReceiptThread, event_id: &EventId| {
            rooms.set_receipt(&room, &alice, ReceiptKind::Read, thread, event_id).await.is_ok()
        };
        assert!(set(&ReceiptThread::Main, &root).await && set(&thread, &root).await);
        assert!(set(&thread, &reply).await && set(&thread, &edit).await);
        assert!(!set(&ReceiptThread::Main, &reply).await);
        assert!(!set(&ReceiptThread::Main, &edit).await);
        assert!(!set(&ReceiptThread::Thread(edit), &reply).await);
    }

    #[test]
    fn threads_come_back_and_nonsense_is_refused() {
        for thread in ["main", "$root"] {
            assert_eq!(thread.parse::<ReceiptThread>().unwrap().as_str(), Some(thread));
        }
        assert_eq!(ReceiptThread::Unthreaded.as_str(), None);
        for bad in ["", "Main", "root"] {
            let error = bad.parse::<ReceiptThread>().unwrap_err();
            assert!(matches!(error, RoomsError::InvalidParam(_)));
        }
    }

    #[test]
    fn an_unthreaded_receipt_speaks_for_every_thread() {
        let root = event_id!("$root");
        let mut read = ReadPositions::default();
        read.add(ReceiptThread::Main, StreamPosition(9));
        read.add(ReceiptThread::Main, StreamPosition(4));
        read.add(ReceiptThread::Unthreaded, StreamPosition(5));
        read.add(ReceiptThread::Thread(root.to_owned()), StreamPosition(3));
        assert_eq!(read.of_thread(None), StreamPosition(9));
        assert_eq!(read.of_thread(Some(root)), StreamPosition(5));
        read.add(ReceiptThread::Thread(root.to_owned()), StreamPosition(8));
        assert_eq!(read.of_thread(Some(root)), StreamPosition(8));
        assert_eq!(read.of_thread(Some(event_id!("$other"))), StreamPosition(5));
    }
}
