//! The answer of simplified sliding sync, with what ruma's type lacks.

use std::collections::BTreeMap;

use ruma::{
    OwnedRoomId,
    api::client::sync::sync_events::v5::response::{Extensions, List, Room},
};
use serde::Serialize;

/// An answer.
#[derive(Debug, Serialize)]
pub struct SlidingResponse {
    /// What the client called its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn_id: Option<String>,
    /// Where the client is then.
    pub pos: String,
    /// How many rooms are in each list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, List>,
    /// What is new in rooms.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rooms: BTreeMap<OwnedRoomId, SlidingRoom>,
    /// What else is new.
    #[serde(skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

/// What is new in a room.
#[derive(Debug, Default, Serialize)]
pub struct SlidingRoom {
    /// What ruma knows.
    #[serde(flatten)]
    pub room: Room,
    /// Whether there are events that the client may have already, since it wants more of them.
    #[serde(rename = "unstable_expanded_timeline", skip_serializing_if = "std::ops::Not::not")]
    pub expanded_timeline: bool,
}

impl SlidingResponse {
    /// Whether there is nothing that a client would be woken for.
    pub(crate) fn is_empty(&self) -> bool {
        let Extensions { to_device, e2ee, account_data, receipts, typing, .. } = &self.extensions;
        self.rooms.is_empty()
            && to_device.as_ref().is_none_or(|to_device| to_device.events.is_empty())
            && e2ee.device_lists.is_empty()
            && account_data.is_empty()
            && receipts.is_empty()
            && typing.is_empty()
            && self.extensions.thread_subscriptions.is_empty()
    }
}
