//! What a client asks for, of simplified sliding sync (MSC4186).

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use ruma::{
    OwnedDeviceId, OwnedRoomId, OwnedUserId,
    api::client::sync::sync_events::v5::request::Extensions, presence::PresenceState,
};

use super::RequiredState;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct SlidingRequest {
    /// Whose view.
    pub user_id: OwnedUserId,
    /// Which device.
    pub device_id: OwnedDeviceId,
    /// Which connection of the device.
    pub connection: String,
    /// Where the client is; `None` to start afresh.
    pub pos: Option<String>,
    /// How long to wait for something new.
    pub timeout: Duration,
    /// What syncing does to the user's presence.
    pub set_presence: PresenceState,
    /// Windows on the user's rooms.
    pub lists: BTreeMap<String, SlidingList>,
    /// Rooms that the client wants in any case.
    pub subscriptions: BTreeMap<OwnedRoomId, RoomConfig>,
    /// What else it wants.
    pub extensions: Extensions,
}

/// A window on the user's rooms, the most recent first.
#[derive(Clone, Debug, Default, Hash)]
pub struct SlidingList {
    /// First and last of the rooms that are wanted, both included; `None` for all.
    pub ranges: Option<Vec<(u64, u64)>>,
    /// Which rooms are in the list.
    pub filters: RoomFilters,
    /// What is wanted of each.
    pub config: RoomConfig,
}

/// What is wanted of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomConfig {
    /// How many events of the timeline at most.
    pub timeline_limit: u32,
    /// Which state.
    pub required_state: RequiredState,
}

/// Which rooms are in a list; what is unset or empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomFilters {
    /// Whether they are in the user's `m.direct`.
    pub is_dm: Option<bool>,
    /// Whether they are encrypted.
    pub is_encrypted: Option<bool>,
    /// Whether the user is invited to them.
    pub is_invite: Option<bool>,
    /// Their types; `None` are ordinary rooms.
    pub room_types: Vec<Option<String>>,
    /// The types that they do not have.
    pub not_room_types: Vec<Option<String>>,
    /// Spaces of the user, in one of which they are.
    pub spaces: Vec<OwnedRoomId>,
    /// Tags of which they have one.
    pub tags: Vec<String>,
    /// Tags of which they have none.
    pub not_tags: Vec<String>,
    /// A part of their names, in any case.
    pub room_name_like: Option<String>,
}

impl SlidingRequest {
    /// A hash of what is asked for: two requests with the same one want the same.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lists.hash(&mut hasher);
        self.subscriptions.hash(&mut hasher);
        let mut extensions = self.extensions.clone();
        extensions.to_device.since = None;
        format!("{extensions:?}").hash(&mut hasher);
        hasher.finish()
    }
}
