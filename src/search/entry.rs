//! From events to entries of the index: which events have one, and what is theirs.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rooms::{Event, Rooms, Snapshot};

use crate::{
    SearchError,
    content::{Has, has, present_content, text_of},
    schema::SearchKey,
};

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub event: EventNid,
    /// The edit whose text it is.
    pub edit: Option<EventNid>,
    pub room: RoomNid,
    pub sender: String,
    pub position: StreamPosition,
    /// When the event was sent, in Unix milliseconds.
    pub sent_ms: u64,
    pub key: SearchKey,
    pub text: String,
    pub has: Vec<Has>,
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

/// The present entry of an event, which may have edits; `None` if it is redacted or has nothing to
/// be found by.
pub(crate) async fn entry_of(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    event: &Event,
    may_have_edits: bool,
) -> Result<Option<Entry>, SearchError> {
    let Some(key) = key_of(event).filter(|_| event.redacted_by().is_none()) else {
        return Ok(None);
    };
    let edit = match may_have_edits {
        true => latest_edit(rooms, snapshot, event).await?,
        false => None,
    };
    let content = present_content(event, edit.as_ref());
    let text = text_of(&content, key.content_field());
    let has = if key == SearchKey::Body { has(&content) } else { Vec::new() };
    if text.is_empty() && has.is_empty() {
        return Ok(None);
    }
    Ok(Some(Entry {
        event: event.nid(),
        edit: edit.as_ref().map(Event::nid),
        room: event.room(),
        sender: event.pdu().sender().to_string(),
        position: event.position(),
        sent_ms: event.pdu().origin_server_ts().get().into(),
        key,
        text: text.to_owned(),
        has,
    }))
}

/// The latest edit in the eyes of its sender. Whoever may not see it is not shown what it says:
/// `find` sees to that.
async fn latest_edit(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    event: &Event,
) -> Result<Option<Event>, SearchError> {
    let room = rooms.room_by_nid(snapshot, event.room()).await?;
    let mut own_eyes = rooms.visibility(snapshot, &room, event.pdu().sender()).await?;
    Ok(rooms.latest_edit(snapshot, event, &mut own_eyes).await?)
}

/// The key that an event of its type is found by.
pub(crate) fn key_of(event: &Event) -> Option<SearchKey> {
    let pdu = event.pdu();
    let is_key = |key: &SearchKey| {
        key.event_type() == pdu.type_name() && (*key == SearchKey::Body) != pdu.is_state()
    };
    SearchKey::ALL.into_iter().find(is_key)
}
