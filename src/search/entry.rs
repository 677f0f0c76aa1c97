//! From events to entries of the index: which events have one, and whose text is theirs.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rooms::{Event, Rooms, Snapshot};
use serde_json::{Map, Value};

use crate::{SearchError, limits::TEXT_BYTES_MAX, schema::SearchKey};

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub event: EventNid,
    /// The edit whose text it is.
    pub edit: Option<EventNid>,
    pub room: RoomNid,
    pub sender: String,
    pub position: StreamPosition,
    pub key: SearchKey,
    pub text: String,
}

/// The event whose entry changes when `event` enters a timeline: itself, or the one it edits.
/// `None` if it has no text.
pub(crate) async fn changed_by(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    event: &Event,
) -> Result<Option<EventNid>, SearchError> {
    if key_of(event).is_none() {
        return Ok(None);
    }
    let Some(original) = rooms.edited_by(snapshot, event).await? else {
        return Ok(Some(event.nid()));
    };
    Ok(Some(original.nid()))
}

/// The present entry of an event; `None` if it is redacted or has no text.
pub(crate) async fn entry_of(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    event: &Event,
) -> Result<Option<Entry>, SearchError> {
    let Some(key) = key_of(event).filter(|_| event.redacted_by().is_none()) else {
        return Ok(None);
    };
    let sender = event.pdu().sender();
    let room = rooms.room_by_nid(snapshot, event.room()).await?;
    // Whoever may not see the edit is not shown what it says: `find` sees to that.
    let mut own_eyes = rooms.visibility(snapshot, &room, sender).await?;
    let edit = rooms.latest_edit(snapshot, event, &mut own_eyes).await?;
    let content = match &edit {
        Some(edit) => content_of(edit).and_then(|mut content| content.remove("m.new_content")),
        None => content_of(event).map(Value::Object),
    };
    let text = content.as_ref().and_then(|content| content.get(key.content_field()));
    let Some(text) = text.and_then(Value::as_str).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(Entry {
        event: event.nid(),
        edit: edit.as_ref().map(Event::nid),
        room: event.room(),
        sender: sender.to_string(),
        position: event.position(),
        key,
        text: text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text).to_owned(),
    }))
}

/// The key that an event of its type is found by.
fn key_of(event: &Event) -> Option<SearchKey> {
    let pdu = event.pdu();
    let is_key = |key: &SearchKey| {
        key.event_type() == pdu.type_name() && (*key == SearchKey::Body) != pdu.is_state()
    };
    SearchKey::ALL.into_iter().find(is_key)
}

fn content_of(event: &Event) -> Option<Map<String, Value>> {
    event.pdu().content_as()
}
