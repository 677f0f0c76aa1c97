//! Which member events a lazily loading client has already.
//!
//! Only a cache: a client that is forgotten gets some members twice, which clients bear. What was
//! sent counts as known once the client asks for what came after that answer; until then the
//! answer may have been lost.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rooms::Event;
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

/// How many pairs of client and room are remembered.
const REMEMBERED_MAX: u64 = 10_000;
/// How many members of a room are remembered for one client.
const MEMBERS_MAX: usize = 100;

type Key = (OwnedUserId, OwnedDeviceId, String, RoomNid);
/// The member event of a user, and the position of the answer that it was sent in.
type Members = Arc<Mutex<HashMap<String, (EventNid, StreamPosition)>>>;

/// Who lazily loads members.
#[derive(Clone, Copy)]
pub(crate) struct Loader<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) device_id: &'a DeviceId,
    /// Which connection of sliding sync; nothing for `/sync`.
    pub(crate) connection: &'a str,
    /// The position of the last answer that the client is known to have.
    pub(crate) since: StreamPosition,
    /// The position of this answer.
    pub(crate) position: StreamPosition,
}

impl Loader<'_> {
    fn key(&self, room: RoomNid) -> Key {
        let Self { user_id, device_id, connection, .. } = *self;
        (user_id.to_owned(), device_id.to_owned(), connection.to_owned(), room)
    }
}

/// What was sent to which client.
pub(crate) struct SentMembers(Cache<Key, Members>);

impl Default for SentMembers {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl SentMembers {
    /// The client starts afresh in a room.
    pub(crate) fn forget(&self, loader: Loader<'_>, room: RoomNid) {
        self.0.invalidate(&loader.key(room));
    }

    /// The member events of these that the client does not have, which are remembered as sent;
    /// those of its timeline it has.
    pub(crate) fn news(
        &self,
        loader: Loader<'_>,
        room: RoomNid,
        events: &[Event],
        timeline: &HashSet<EventNid>,
    ) -> HashSet<EventNid> {
        let members = self.0.get_with(loader.key(room), Members::default);
        let mut members = members.lock();
        if members.len() + events.len() > MEMBERS_MAX {
            members.clear();
        }
        let mut news = HashSet::new();
        for event in events {
            let Some(state_key) = event.pdu().state_key() else {
                continue;
            };
            let sent = members.get(state_key);
            if sent.is_some_and(|(nid, at)| *nid == event.nid() && *at <= loader.since) {
                continue;
            }
            members.insert(state_key.to_owned(), (event.nid(), loader.position));
            if !timeline.contains(&event.nid()) {
                news.insert(event.nid());
            }
        }
        news
    }
}
