//! `GET /notifications`: what a user was notified of, the latest first.
//!
//! A row of the room says who was notified of an event. The user's rooms are looked through from
//! their ends, always the one first that may have the latest row; a page reads a bounded number of
//! rows, whomever they are about.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap, hash_map::Entry},
};

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Direction, ReadPositions, Rooms, Viewer};
use hearth_rules::ClientEventFormat;
use hearth_store::{Snapshot, Store};
use ruma::{DeviceId, OwnedRoomId, UserId, push::Action};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Push, PushError,
    number_set::NumberSet,
    tables::{NOTIFICATIONS, USER_NUMBERS},
};

/// How many notifications a page has at most.
const PAGE_MAX: usize = 100;
/// How many rows of a room are read together.
const CHUNK_ROWS: usize = 32;
/// How many rows a page reads at most.
const PAGE_ROWS_MAX: usize = 5_000;

/// Who was notified of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotificationRow {
    /// The users by what their rules say.
    pub(crate) groups: Vec<Group>,
    /// When they were notified, in Unix milliseconds.
    pub(crate) ts_ms: u64,
}

/// Users who were notified alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The actions of the rule, as JSON.
    pub(crate) actions: String,
    pub(crate) highlight: bool,
    pub(crate) users: NumberSet,
}

/// What part of a user's notifications is wanted.
#[derive(Clone, Copy, Debug)]
pub struct NotificationsQuery<'a> {
    /// Whose.
    pub user_id: &'a UserId,
    /// The device that asks.
    pub device_id: Option<&'a DeviceId>,
    /// Where to go on, from [`NotificationsPage::next`].
    pub from: Option<&'a str>,
    /// How many at most.
    pub limit: usize,
    /// Only highlighted ones.
    pub only_highlights: bool,
}

/// An event that a user was notified of.
#[derive(Clone, Debug)]
pub struct Notification {
    /// What the rule said.
    pub actions: Vec<Action>,
    /// The event as the user sees it.
    pub event: Box<RawValue>,
    /// Whether the user has read it.
    pub is_read: bool,
    /// Its room.
    pub room_id: OwnedRoomId,
    /// When the user was notified, in Unix milliseconds.
    pub ts_ms: u64,
}

/// Part of a user's notifications.
#[derive(Clone, Debug, Default)]
pub struct NotificationsPage {
    /// The notifications, the latest first.
    pub notifications: Vec<Notification>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

/// A place in a room that was not looked at yet, or a notification.
struct Place {
    position: StreamPosition,
    room: RoomNid,
    /// The actions, and when the user was notified; `None` if the room goes on here.
    found: Option<(String, u64)>,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.position.cmp(&other.position)
    }
}

/// What one page is read with.
struct Reading<'a> {
    rooms: &'a Rooms,
    snapshot: &'a dyn Snapshot,
    query: NotificationsQuery<'a>,
    /// By which rows name the user.
    number: u64,
    places: BinaryHeap<Place>,
    rows: usize,
    read: HashMap<RoomNid, ReadPositions>,
}

impl Push {
    /// What a user was notified of.
    ///
    /// # Errors
    /// [`PushError::Invalid`] if `from` is no token of ours, or the store failed.
    pub async fn notifications(
        &self,
        query: NotificationsQuery<'_>,
    ) -> Result<NotificationsPage, PushError> {
        let store: &Store = self.store();
        let snapshot = store.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let from = match query.from.map(str::parse) {
            Some(Ok(from)) => StreamPosition(from),
            Some(Err(_)) => return Err(PushError::Invalid("from is no token of ours".to_owned())),
            None => snapshot.position(),
        };
        let Some(number) = USER_NUMBERS.get(snapshot, &(query.user_id,)).await? else {
            return Ok(NotificationsPage::default());
        };
        let rooms = self.rooms();
        let (places, rows, read) = (BinaryHeap::new(), 0, HashMap::new());
        let mut reading = Reading { rooms, snapshot, query, number, places, rows, read };
        reading.start(from).await?;
        reading.page().await
    }
}

impl Reading<'_> {
    /// Every room of the user is to be looked through from its end.
    async fn start(&mut self, from: StreamPosition) -> Result<(), PushError> {
        let memberships = self.rooms.memberships(self.snapshot, self.query.user_id).await?;
        let rooms = memberships.into_iter().filter(|(_, row)| !row.value.forgotten);
        let rooms: Vec<_> = rooms.map(|(room, _)| room).collect();
        let ends = self.rooms.last_positions(self.snapshot, &rooms).await?;
        self.places.extend(rooms.into_iter().zip(ends).map(|(room, end)| Place {
            position: end.min(from),
            room,
            found: None,
        }));
        Ok(())
    }

    async fn page(mut self) -> Result<NotificationsPage, PushError> {
        let limit = self.query.limit.clamp(1, PAGE_MAX);
        let mut page = NotificationsPage::default();
        while let Some(place) = self.places.pop() {
            if page.notifications.len() == limit || self.rows > PAGE_ROWS_MAX {
                page.next = Some(place.position.0.to_string());
                return Ok(page);
            }
            match place.found {
                None => self.look(place.room, place.position).await?,
                Some((actions, ts_ms)) => {
                    let shown = self.show(place.room, place.position, &actions, ts_ms).await?;
                    page.notifications.extend(shown);
                }
            }
        }
        Ok(page)
    }

    /// Looks a part of a room through, from `upto` backwards.
    async fn look(&mut self, room: RoomNid, upto: StreamPosition) -> Result<(), PushError> {
        let range = NOTIFICATIONS.between(&(room, StreamPosition::MIN), &(room, upto.next()));
        let backward = Direction::Backward;
        let rows = NOTIFICATIONS.scan(self.snapshot, &range, backward, CHUNK_ROWS).await?;
        self.rows += rows.len();
        if rows.len() == CHUNK_ROWS
            && let Some(((_, last), _)) = rows.last()
        {
            self.places.push(Place { position: last.previous(), room, found: None });
        }
        for ((_, position), row) in rows {
            let is_ours = |group: &Group| {
                group.users.contains(self.number)
                    && (group.highlight || !self.query.only_highlights)
            };
            if let Some(group) = row.groups.into_iter().find(is_ours) {
                let found = Some((group.actions, row.ts_ms));
                self.places.push(Place { position, room, found });
            }
        }
        Ok(())
    }

    /// A notification as the user gets it; `None` if its event is gone.
    async fn show(
        &mut self,
        room: RoomNid,
        position: StreamPosition,
        actions: &str,
        ts_ms: u64,
    ) -> Result<Option<Notification>, PushError> {
        let (rooms, snapshot, user_id) = (self.rooms, self.snapshot, self.query.user_id);
        let (after, forward) = (position.previous(), Direction::Forward);
        let found = rooms.timeline(snapshot, room, after, position, forward, 1).await?;
        let Some(event) = found.first() else {
            return Ok(None);
        };
        let room = rooms.room_by_nid(snapshot, room).await?;
        let mut visibility = rooms.visibility(snapshot, &room, user_id).await?;
        if !visibility.may_see(event).await? {
            return Ok(None);
        }
        let device_id = self.query.device_id;
        let viewer = Viewer { user_id, device_id, now: rooms.clock().now() };
        let format = ClientEventFormat::Sync;
        let rendered = rooms.render(snapshot, &found, &viewer, format, true).await?;
        let Some(json) = rendered.into_iter().next() else {
            return Ok(None);
        };
        let read = match self.read.entry(room.nid()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(rooms.read_positions(snapshot, room.nid(), user_id).await?)
            }
        };
        let root = rooms.thread_of(snapshot, event).await?;
        let is_read = position <= read.of_thread(root.as_deref());
        Ok(Some(Notification {
            actions: serde_json::from_str(actions)?,
            event: json,
            is_read,
            room_id: room.id().to_owned(),
            ts_ms,
        }))
    }
}
