//! The user's own data: account data, to-device messages and counts of one-time keys.

use std::collections::BTreeMap;

use hearth_base::{RoomNid, StreamPosition, limits::TO_DEVICE_MESSAGES_MAX};
use hearth_rules::event_filter;
use ruma::{
    api::client::sync::sync_events::v3::Response, events::AnyRoomAccountDataEvent, serde::Raw,
};
use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::{Sync, SyncError, answer::View, sync::Request};

/// What changed of the user's data about one room.
#[derive(Default)]
pub(crate) struct RoomData {
    pub(crate) events: Vec<Raw<AnyRoomAccountDataEvent>>,
}

/// An event that has nothing but type and content.
#[derive(Serialize)]
struct BasicEvent<'a, C> {
    #[serde(rename = "type")]
    kind: &'a str,
    content: C,
}

/// An event that has nothing but type and content.
pub(crate) fn basic_event<T>(kind: &str, content: impl Serialize) -> Result<Raw<T>, SyncError> {
    Ok(Raw::from_json(to_raw_value(&BasicEvent { kind, content })?))
}

impl View<'_> {
    /// Puts the changed global account data into the answer, and returns that of rooms.
    pub(crate) async fn account_data(
        &self,
        response: &mut Response,
    ) -> Result<BTreeMap<RoomNid, RoomData>, SyncError> {
        let accounts = self.sync.accounts();
        let changes = match &self.since {
            Some(since) => {
                let (since, upto) = (since.position, self.position);
                accounts.account_data_changes(self.user_id(), since, upto).await?
            }
            None => accounts.all_account_data(self.user_id()).await?,
        };
        let filter = &self.filter().account_data;
        for (kind, content) in &changes.global {
            if event_filter::passes(filter, kind, None) {
                response.account_data.events.push(basic_event(kind, content)?);
            }
        }
        let filter = &self.filter().room.account_data;
        let mut rooms = BTreeMap::new();
        for (room_id, changes) in changes.rooms {
            let Some(room) = self.sync.rooms().room(&room_id).await? else {
                continue;
            };
            let mut data = RoomData::default();
            for (kind, content) in &changes {
                if event_filter::passes_type(filter, kind) {
                    data.events.push(basic_event(kind, content)?);
                }
            }
            rooms.insert(room.nid(), data);
        }
        Ok(rooms)
    }

    /// Puts the oldest waiting to-device messages into the answer, and returns the position up to
    /// which the client then has them.
    pub(crate) async fn to_device(
        &self,
        response: &mut Response,
    ) -> Result<StreamPosition, SyncError> {
        let since = self.since.map_or(StreamPosition::ZERO, |since| since.to_device);
        let messages = self
            .sync
            .accounts()
            .to_device_since(
                self.user_id(),
                &self.request.device_id,
                since,
                self.position,
                TO_DEVICE_MESSAGES_MAX,
            )
            .await?;
        let last = messages.last().map(|message| message.position);
        let is_part = messages.len() >= TO_DEVICE_MESSAGES_MAX;
        response.to_device.events = messages.into_iter().map(|message| message.event).collect();
        Ok(last.filter(|_| is_part).unwrap_or(self.position))
    }
}

impl Sync {
    /// How many keys the device has left: always told, since clients take silence for none.
    pub(crate) async fn key_counts(
        &self,
        request: &Request,
        response: &mut Response,
    ) -> Result<(), SyncError> {
        let (user_id, device_id) = (&request.user_id, &request.device_id);
        let counts = self.accounts().key_counts(user_id, device_id).await?;
        response.device_one_time_keys_count = counts.one_time_keys;
        response.device_unused_fallback_key_types = Some(counts.unused_fallback_keys);
        Ok(())
    }
}
