//! Which member events a lazily loading device has been sent already.
//!
//! Only a cache: a device that is forgotten gets some members twice, which clients bear.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hearth_base::{EventNid, RoomNid};
use hearth_rooms::Event;
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

/// How many pairs of device and room are remembered.
const REMEMBERED_MAX: u64 = 10_000;
/// How many members of a room are remembered for one device.
const MEMBERS_MAX: usize = 100;

type Key = (OwnedUserId, OwnedDeviceId, RoomNid);
type Members = Arc<Mutex<HashMap<String, EventNid>>>;

/// What was sent to which device.
pub(crate) struct SentMembers(Cache<Key, Members>);

impl Default for SentMembers {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl SentMembers {
    /// The device starts afresh in a room.
    pub(crate) fn forget(&self, (user_id, device_id): (&UserId, &DeviceId), room: RoomNid) {
        self.0.invalidate(&(user_id.to_owned(), device_id.to_owned(), room));
    }

    /// The member events of these that the device does not have, which are remembered as sent;
    /// those of its timeline it has.
    pub(crate) fn news(
        &self,
        (user_id, device_id): (&UserId, &DeviceId),
        room: RoomNid,
        events: &[Event],
        timeline: &HashSet<EventNid>,
    ) -> HashSet<EventNid> {
        let key = (user_id.to_owned(), device_id.to_owned(), room);
        let members = self.0.get_with(key, Members::default);
        let mut members = members.lock();
        if members.len() + events.len() > MEMBERS_MAX {
            members.clear();
        }
        let mut news = HashSet::new();
        for event in events {
            let Some(state_key) = event.pdu().state_key() else {
                continue;
            };
            let before = members.insert(state_key.to_owned(), event.nid());
            if before != Some(event.nid()) && !timeline.contains(&event.nid()) {
                news.insert(event.nid());
            }
        }
        news
    }
}
