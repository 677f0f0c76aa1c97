//! Receipts and typing of a room.

use hearth_base::StreamPosition;
use hearth_rooms::{ReceiptChange, ReceiptThread, Room};
use hearth_rules::event_filter;
use ruma::{events::AnySyncEphemeralRoomEvent, serde::Raw};
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{SyncError, answer::View};

impl View<'_> {
    /// What changed of receipts and typing; all that there is, if the room is new to the client.
    pub(crate) async fn ephemeral(
        &self,
        room: &Room,
        is_new: bool,
    ) -> Result<Vec<Raw<AnySyncEphemeralRoomEvent>>, SyncError> {
        let filter = &self.filter().room.ephemeral;
        let mut events = Vec::new();
        if event_filter::passes_type(filter, "m.receipt") {
            let since = if is_new { StreamPosition::ZERO } else { self.since_position() };
            events.extend(self.receipts(room, since).await?);
        }
        if event_filter::passes_type(filter, "m.typing") {
            events.extend(self.typing(room, is_new)?);
        }
        Ok(events)
    }

    async fn receipts(
        &self,
        room: &Room,
        since: StreamPosition,
    ) -> Result<Option<Raw<AnySyncEphemeralRoomEvent>>, SyncError> {
        let changes = self
            .sync
            .rooms()
            .receipts_since(self.snapshot, room.nid(), since, self.position, self.user_id())
            .await?;
        receipt_event(changes)
    }

    /// Who types, if that changed; in a room that is new to the client, if somebody does.
    pub(crate) fn typing(
        &self,
        room: &Room,
        is_new: bool,
    ) -> Result<Option<Raw<AnySyncEphemeralRoomEvent>>, SyncError> {
        let typing = self.sync.bus().typing();
        let changed = typing.changed_since(self.since_version);
        let users = typing.users(room.id());
        let tell = changed.iter().any(|room_id| room_id == room.id()) || is_new;
        if !tell || (is_new && users.is_empty()) {
            return Ok(None);
        }
        let event = json!({ "type": "m.typing", "content": { "user_ids": users } });
        Ok(Some(Raw::from_json(to_raw_value(&event)?)))
    }
}

/// The event that tells of receipts; `None` if there are none.
pub(crate) fn receipt_event(
    changes: Vec<ReceiptChange>,
) -> Result<Option<Raw<AnySyncEphemeralRoomEvent>>, SyncError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let mut content = Map::new();
    for change in changes {
        let mut receipt = json!({ "ts": change.receipt.ts_ms });
        if let Some(thread) = change.thread.as_str() {
            receipt["thread_id"] = thread.into();
        }
        let users = entry(&mut content, change.receipt.event_id.as_str())
            .and_then(|kinds| entry(kinds, change.kind.as_str()));
        // There is room for one receipt of a user on an event: the one without a thread, which
        // every client understands (MSC4102).
        let Some(users) = users else { continue };
        let user_id = change.user.to_string();
        let is_unthreaded = change.thread == ReceiptThread::Unthreaded;
        let replaces = |known: &Value| is_unthreaded || known.get("thread_id").is_some();
        if users.get(&user_id).is_none_or(replaces) {
            users.insert(user_id, receipt);
        }
    }
    let event = json!({ "type": "m.receipt", "content": content });
    Ok(Some(Raw::from_json(to_raw_value(&event)?)))
}

/// The object at a key, which is made if it is not there.
fn entry<'a>(object: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    object.entry(key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}
