//! One persistent event of a room, parsed once and never changed.
//!
//! A [`Pdu`] keeps the canonical JSON text beside the fields that the server asks for, so that
//! storing, sending and rendering copy text and never serialize. It is cheap to clone. Whether the
//! signatures hold and whether the room allows the event is decided elsewhere.

use std::sync::Arc;

use hearth_base::limits::PDU_BYTES_MAX;
use ruma::{
    CanonicalJsonObject, EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId,
    OwnedUserId, RoomId, UInt, UserId,
    events::TimelineEventType,
    room_version_rules::RoomVersionRules,
    signatures::reference_hash,
    state_res::{Event, check_pdu_format},
};
use serde::Deserialize;
use serde_json::value::RawValue;

const TYPE_CREATE: &str = "m.room.create";

/// Why JSON is not a PDU.
#[derive(Debug, thiserror::Error)]
pub enum PduError {
    /// Not JSON, not canonical JSON, or not the JSON of an event.
    #[error("malformed event: {0}")]
    Malformed(String),
    /// Not smaller than [`hearth_base::limits::PDU_BYTES_MAX`].
    #[error("the event has {bytes} bytes, which is too large")]
    TooLarge {
        /// Size of the canonical JSON in bytes.
        bytes: usize,
    },
}

/// An immutable event in the format of its room version (specification, room versions, "Event
/// format"). Clones share everything.
#[derive(Clone)]
pub struct Pdu {
    parsed: Arc<Parsed>,
    rejected: bool,
}

struct Parsed {
    event_id: OwnedEventId,
    room_id: OwnedRoomId,
    event_type: TimelineEventType,
    redacts: Option<OwnedEventId>,
    fields: Fields,
    json: Box<str>,
}

/// What is read from the JSON itself.
#[derive(Deserialize)]
struct Fields {
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    /// The type as sent: [`TimelineEventType`] may print an alias differently.
    #[serde(rename = "type")]
    type_name: String,
    state_key: Option<String>,
    content: Box<RawValue>,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    depth: UInt,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    redacts: Option<Box<RawValue>>,
    unsigned: Option<Box<RawValue>>,
    #[serde(rename = "msc4354_sticky")]
    sticky: Option<Box<RawValue>>,
}

/// Longest time for which an event is sticky, in milliseconds (MSC4354).
const STICKY_MS_MAX: u32 = 60 * 60 * 1_000;

#[derive(Deserialize)]
struct Sticky {
    duration_ms: u64,
}

#[derive(Deserialize)]
struct Redacts {
    redacts: OwnedEventId,
}

impl Pdu {
    /// Parses an event that this server stored before, so its id, room and format are known good
    /// and nothing is hashed.
    ///
    /// # Errors
    /// [`PduError::Malformed`] when the stored bytes are not what [`Pdu::json`] once gave.
    pub fn from_stored(
        event_id: OwnedEventId,
        room_id: OwnedRoomId,
        rules: &RoomVersionRules,
        json: &[u8],
    ) -> Result<Self, PduError> {
        let text = std::str::from_utf8(json).map_err(malformed)?;
        let fields = serde_json::from_str(text).map_err(malformed)?;
        Ok(Self::assemble(event_id, room_id, rules, fields, text.into()))
    }

    /// Parses the JSON of another server: checks format and size, and computes the event id (and,
    /// for a create event of room version 12, the room id) from the reference hash.
    ///
    /// `unsigned` is dropped, since anybody on the way can write it. Signatures and the content
    /// hash are not checked here.
    ///
    /// # Errors
    /// [`PduError`] when another server must not have sent this (specification, server-server
    /// API, "Checks performed on receipt of a PDU", steps 1 and 3).
    pub fn parse_remote(json: &str, rules: &RoomVersionRules) -> Result<Self, PduError> {
        check_size(json.len())?;
        let mut object: CanonicalJsonObject = serde_json::from_str(json).map_err(malformed)?;
        object.remove("unsigned");
        Self::from_object(&object, rules)
    }

    /// Parses a complete event: format, size and event id as in [`Pdu::parse_remote`], and
    /// `unsigned` stays.
    ///
    /// # Errors
    /// As [`Pdu::parse_remote`].
    pub fn from_object(
        object: &CanonicalJsonObject,
        rules: &RoomVersionRules,
    ) -> Result<Self, PduError> {
        let text = serde_json::to_string(object).map_err(malformed)?;
        check_size(text.len())?;
        check_pdu_format(object, &rules.event_format).map_err(PduError::Malformed)?;
        let event_id = event_id_of(object, rules)?;
        let fields: Fields = serde_json::from_str(&text).map_err(malformed)?;
        let room_id = room_id_of(&event_id, &fields, rules)?;
        Ok(Self::assemble(event_id, room_id, rules, fields, text.into()))
    }

    /// The same event under its known id with other JSON: its redacted form.
    pub(crate) fn with_json(
        &self,
        object: &CanonicalJsonObject,
        rules: &RoomVersionRules,
    ) -> Result<Self, PduError> {
        let text = serde_json::to_string(object).map_err(malformed)?;
        let fields = serde_json::from_str(&text).map_err(malformed)?;
        let (event_id, room_id) = (self.event_id().to_owned(), self.room_id().to_owned());
        let pdu = Self::assemble(event_id, room_id, rules, fields, text.into());
        Ok(pdu.with_rejected(self.rejected))
    }

    fn assemble(
        event_id: OwnedEventId,
        room_id: OwnedRoomId,
        rules: &RoomVersionRules,
        fields: Fields,
        json: Box<str>,
    ) -> Self {
        let event_type = TimelineEventType::from(fields.type_name.as_str());
        let redacts = redacts_of(&event_type, &fields, rules);
        let parsed = Parsed { event_id, room_id, event_type, redacts, fields, json };
        Self { parsed: Arc::new(parsed), rejected: false }
    }

    /// The same event, marked as rejected by the authorization rules or not.
    #[must_use]
    pub fn with_rejected(mut self, rejected: bool) -> Self {
        self.rejected = rejected;
        self
    }

    /// Whether the authorization rules rejected this event.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// The event id, `$` and the reference hash.
    #[must_use]
    pub fn event_id(&self) -> &EventId {
        &self.parsed.event_id
    }

    /// The room, also for a create event of room version 12, whose JSON does not name it.
    #[must_use]
    pub fn room_id(&self) -> &RoomId {
        &self.parsed.room_id
    }

    /// Who sent the event.
    #[must_use]
    pub fn sender(&self) -> &UserId {
        &self.parsed.fields.sender
    }

    /// The event type for comparisons.
    #[must_use]
    pub fn event_type(&self) -> &TimelineEventType {
        &self.parsed.event_type
    }

    /// The event type exactly as it was sent.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.parsed.fields.type_name
    }

    /// The state key; `None` means a message event.
    #[must_use]
    pub fn state_key(&self) -> Option<&str> {
        self.parsed.fields.state_key.as_deref()
    }

    /// Whether this is a state event.
    #[must_use]
    pub fn is_state(&self) -> bool {
        self.state_key().is_some()
    }

    /// The JSON text of `content`, an object.
    #[must_use]
    pub fn content(&self) -> &RawValue {
        &self.parsed.fields.content
    }

    /// `content` as any type; `None` when it does not have that shape.
    #[must_use]
    pub fn content_as<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.content().get()).ok()
    }

    /// When the sender's server says that the event was sent.
    #[must_use]
    pub fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.parsed.fields.origin_server_ts
    }

    /// Longest path from the create event, as claimed by the sender's server.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.parsed.fields.depth.into()
    }

    /// The events directly before this one.
    #[must_use]
    pub fn prev_events(&self) -> &[OwnedEventId] {
        &self.parsed.fields.prev_events
    }

    /// The events that authorize this one; without the create event in room version 12.
    #[must_use]
    pub fn auth_events(&self) -> &[OwnedEventId] {
        &self.parsed.fields.auth_events
    }

    /// The event that this `m.room.redaction` names: from the top level before room version 11,
    /// from `content` since.
    #[must_use]
    pub fn redacts(&self) -> Option<&EventId> {
        self.parsed.redacts.as_deref()
    }

    /// For how long the event is sticky, in milliseconds (MSC4354); `None` if it is not.
    #[must_use]
    pub fn sticky_ms(&self) -> Option<u32> {
        let sticky = self.parsed.fields.sticky.as_deref()?;
        let sticky: Sticky = serde_json::from_str(sticky.get()).ok()?;
        Some(u32::try_from(sticky.duration_ms).unwrap_or(u32::MAX).min(STICKY_MS_MAX))
    }

    /// The stored `unsigned` object, if any.
    #[must_use]
    pub fn unsigned(&self) -> Option<&RawValue> {
        self.parsed.fields.unsigned.as_deref()
    }

    /// Whether this server or another redacted the event here (`unsigned.redacted_because`).
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        #[derive(Deserialize)]
        struct Redacted<'a> {
            #[serde(borrow)]
            redacted_because: Option<&'a RawValue>,
        }
        self.unsigned()
            .and_then(|unsigned| serde_json::from_str::<Redacted<'_>>(unsigned.get()).ok())
            .is_some_and(|unsigned| unsigned.redacted_because.is_some())
    }

    /// The canonical JSON of the whole event: what is stored, and what other servers get.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.parsed.json
    }

    /// The whole event as an object, for signatures and hashes.
    ///
    /// # Errors
    /// [`PduError::Malformed`] when the stored text was not canonical JSON.
    pub fn to_object(&self) -> Result<CanonicalJsonObject, PduError> {
        serde_json::from_str(self.json()).map_err(malformed)
    }
}

impl std::fmt::Debug for Pdu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Pdu");
        debug.field("event_id", &self.event_id()).field("type", &self.type_name());
        debug.field("sender", &self.sender()).finish_non_exhaustive()
    }
}

impl Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &Self::Id {
        &self.parsed.event_id
    }

    /// As the JSON has it: the rules refuse a create event of room version 12 that names a room.
    fn room_id(&self) -> Option<&RoomId> {
        self.parsed.fields.room_id.as_deref()
    }

    fn sender(&self) -> &UserId {
        self.sender()
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts()
    }

    fn event_type(&self) -> &TimelineEventType {
        self.event_type()
    }

    fn content(&self) -> &RawValue {
        self.content()
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.parsed.fields.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.parsed.fields.auth_events.iter())
    }

    fn redacts(&self) -> Option<&Self::Id> {
        self.parsed.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        self.rejected
    }
}

/// ruma refuses an event of exactly the largest size, so this does too.
fn check_size(bytes: usize) -> Result<(), PduError> {
    if bytes >= PDU_BYTES_MAX { Err(PduError::TooLarge { bytes }) } else { Ok(()) }
}

/// `$` and the reference hash (specification, server-server API, "Calculating the reference hash
/// for an event").
fn event_id_of(
    object: &CanonicalJsonObject,
    rules: &RoomVersionRules,
) -> Result<OwnedEventId, PduError> {
    let hash = reference_hash(object, rules).map_err(malformed)?;
    EventId::parse(format!("${hash}")).map_err(malformed)
}

/// The room of an event: named by the JSON, or since room version 12 by the id of the create event
/// (MSC4291).
fn room_id_of(
    event_id: &EventId,
    fields: &Fields,
    rules: &RoomVersionRules,
) -> Result<OwnedRoomId, PduError> {
    let is_create = fields.type_name == TYPE_CREATE;
    match &fields.room_id {
        Some(_) if is_create && !rules.event_format.require_room_create_room_id => {
            Err(malformed("a create event of this room version must not name its room"))
        }
        Some(room_id) => Ok(room_id.clone()),
        None if is_create => {
            RoomId::parse(event_id.as_str().replacen('$', "!", 1)).map_err(malformed)
        }
        None => Err(malformed("missing `room_id`")),
    }
}

fn redacts_of(
    event_type: &TimelineEventType,
    fields: &Fields,
    rules: &RoomVersionRules,
) -> Option<OwnedEventId> {
    if *event_type != TimelineEventType::RoomRedaction {
        return None;
    }
    if rules.redaction.content_field_redacts {
        let content = serde_json::from_str::<Redacts>(fields.content.get());
        return content.ok().map(|content| content.redacts);
    }
    serde_json::from_str(fields.redacts.as_ref()?.get()).ok()
}

pub(crate) fn malformed(error: impl std::fmt::Display) -> PduError {
    PduError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests;
