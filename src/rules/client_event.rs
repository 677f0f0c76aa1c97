//! How an event looks to a client (specification, client-server API, "Room event format").
//!
//! This runs for each event of each answer, so the stored text of `content` is copied as it is and
//! nothing is parsed that does not have to be. `unsigned` comes from the caller, who knows the
//! user, device and clock; of a stored `unsigned` only [`STORED_UNSIGNED`] shows.

use std::collections::BTreeMap;

use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, TransactionId, UserId,
    events::room::member::MembershipState, serde::Raw,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::{RawValue, to_raw_value};

use crate::{Pdu, PduError, pdu::malformed};

/// Fields of a stored `unsigned` that clients get unless the caller sets them.
const STORED_UNSIGNED: [&str; 6] = [
    "invite_room_state",
    "knock_room_state",
    "prev_content",
    "prev_sender",
    "redacted_because",
    "replaces_state",
];

/// A field of a stored `unsigned` that only the event's sender gets (MSC4140).
pub const DELAY_ID: &str = "org.matrix.msc4140.delay_id";

/// Which fields a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEventFormat {
    /// Without `room_id`, for answers that are grouped by room such as `/sync`.
    Sync,
    /// With `room_id`.
    Full,
    /// `type`, `state_key`, `content` and `sender` only, for people who are not in the room.
    Stripped,
    /// As `Stripped`, with `origin_server_ts`, for the children of spaces.
    StrippedDated,
}

/// What a client is told in `unsigned`; absent fields are left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsigned<'a> {
    /// The time now, from which `age` follows.
    pub now: Option<MilliSecondsSinceUnixEpoch>,
    /// Whether the client is the event's sender.
    pub to_sender: bool,
    /// Only for the device that sent the event.
    pub transaction_id: Option<&'a TransactionId>,
    /// The content that a state event replaced.
    pub prev_content: Option<&'a RawValue>,
    /// The sender of the event that a state event replaced.
    pub prev_sender: Option<&'a UserId>,
    /// The event that a state event replaced.
    pub replaces_state: Option<&'a EventId>,
    /// The redaction, already in a client's format.
    pub redacted_because: Option<&'a RawValue>,
    /// `m.relations`, the aggregations of the event's children.
    pub relations: Option<&'a RawValue>,
    /// `org.hearth.content_warning`, a mark that the event is not safe for work.
    pub content_warning: Option<&'a RawValue>,
    /// The user's membership at the event (MSC4115).
    pub membership: Option<&'a MembershipState>,
}

/// An event and all that a client is told of it. Serializes as the client's JSON.
#[derive(Clone, Copy, Debug)]
pub struct ClientEvent<'a> {
    pdu: &'a Pdu,
    format: ClientEventFormat,
    unsigned: Unsigned<'a>,
}

impl<'a> ClientEvent<'a> {
    /// Puts an event and its `unsigned` together; costs nothing.
    #[must_use]
    pub const fn new(pdu: &'a Pdu, format: ClientEventFormat, unsigned: Unsigned<'a>) -> Self {
        Self { pdu, format, unsigned }
    }

    /// The JSON text, written once and not parsed again.
    ///
    /// # Errors
    /// [`PduError::Malformed`] when the content of a stored redaction is not an object.
    pub fn to_raw(&self) -> Result<Box<RawValue>, PduError> {
        to_raw_value(self).map_err(malformed)
    }

    /// The JSON text as one of ruma's event types.
    ///
    /// # Errors
    /// As [`ClientEvent::to_raw`].
    pub fn to_typed<T>(&self) -> Result<Raw<T>, PduError> {
        self.to_raw().map(Raw::from_json)
    }
}

impl Serialize for ClientEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pdu = self.pdu;
        let mut map = serializer.serialize_map(None)?;
        match content_with_redacts(pdu).map_err(serde::ser::Error::custom)? {
            Some(content) => map.serialize_entry("content", &content)?,
            None => map.serialize_entry("content", pdu.content())?,
        }
        map.serialize_entry("sender", pdu.sender())?;
        if let Some(state_key) = pdu.state_key() {
            map.serialize_entry("state_key", state_key)?;
        }
        map.serialize_entry("type", pdu.type_name())?;
        if self.format == ClientEventFormat::Stripped {
            return map.end();
        }
        map.serialize_entry("origin_server_ts", &pdu.origin_server_ts())?;
        if self.format == ClientEventFormat::StrippedDated {
            return map.end();
        }
        map.serialize_entry("event_id", pdu.event_id())?;
        if let Some(redacts) = pdu.redacts() {
            map.serialize_entry("redacts", redacts)?;
        }
        if self.format == ClientEventFormat::Full {
            map.serialize_entry("room_id", pdu.room_id())?;
        }
        if let Some(duration_ms) = pdu.sticky_ms() {
            map.serialize_entry("msc4354_sticky", &Sticky { duration_ms })?;
        }
        let unsigned = AllUnsigned { pdu, given: &self.unsigned };
        map.serialize_entry("unsigned", &unsigned)?;
        map.end()
    }
}

/// The content of a redaction of before room version 11, with the `redacts` that newer clients look
/// for (specification, room version 11, "Redactions"); `None` when nothing has to be added.
fn content_with_redacts(pdu: &Pdu) -> serde_json::Result<Option<BTreeMap<&str, Box<RawValue>>>> {
    let Some(redacts) = pdu.redacts() else {
        return Ok(None);
    };
    let mut content: BTreeMap<&str, Box<RawValue>> = serde_json::from_str(pdu.content().get())?;
    content.insert("redacts", to_raw_value(redacts)?);
    Ok(Some(content))
}

#[derive(Serialize)]
struct Sticky {
    duration_ms: u32,
}

struct AllUnsigned<'a> {
    pdu: &'a Pdu,
    given: &'a Unsigned<'a>,
}

impl Serialize for AllUnsigned<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let given = self.given;
        let mut map = serializer.serialize_map(None)?;
        if let Some(now) = given.now {
            let (now, sent) = (i64::from(now.get()), i64::from(self.pdu.origin_server_ts().get()));
            map.serialize_entry("age", &(now - sent))?;
            if let Some(duration_ms) = self.pdu.sticky_ms() {
                let left_ms = (i64::from(duration_ms) - (now - sent)).min(duration_ms.into());
                if left_ms > 0 {
                    map.serialize_entry("msc4354_sticky_duration_ttl_ms", &left_ms)?;
                }
            }
        }
        entry(&mut map, "transaction_id", given.transaction_id)?;
        entry(&mut map, "membership", given.membership)?;
        entry(&mut map, "m.relations", given.relations)?;
        entry(&mut map, "org.hearth.content_warning", given.content_warning)?;
        entry(&mut map, "prev_content", given.prev_content)?;
        entry(&mut map, "prev_sender", given.prev_sender)?;
        entry(&mut map, "replaces_state", given.replaces_state)?;
        entry(&mut map, "redacted_because", given.redacted_because)?;
        if let Some(stored) = self.pdu.unsigned() {
            self.serialize_stored(stored, &mut map)?;
        }
        map.end()
    }
}

impl AllUnsigned<'_> {
    fn serialize_stored<M: SerializeMap>(
        &self,
        stored: &RawValue,
        map: &mut M,
    ) -> Result<(), M::Error> {
        let given = self.given;
        let stored: BTreeMap<String, &RawValue> =
            serde_json::from_str(stored.get()).map_err(serde::ser::Error::custom)?;
        for (name, value) in stored {
            let is_given = match name.as_str() {
                "prev_content" => given.prev_content.is_some(),
                "prev_sender" => given.prev_sender.is_some(),
                "replaces_state" => given.replaces_state.is_some(),
                "redacted_because" => given.redacted_because.is_some(),
                _ => false,
            };
            let is_for_sender = given.to_sender && name == DELAY_ID;
            if is_for_sender || (!is_given && STORED_UNSIGNED.contains(&name.as_str())) {
                map.serialize_entry(&name, value)?;
            }
        }
        Ok(())
    }
}

fn entry<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

#[cfg(test)]
mod tests {
    use ruma::{RoomVersionId, event_id, events::AnySyncTimelineEvent, owned_event_id, uint};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        build,
        test_room::{ALICE, TestRoom},
    };

    fn rendered(pdu: &Pdu, format: ClientEventFormat, unsigned: Unsigned<'_>) -> Value {
        let raw = ClientEvent::new(pdu, format, unsigned).to_raw().unwrap();
        serde_json::from_str(raw.get()).unwrap()
    }

    #[test]
    fn each_format_has_its_fields() {
        let mut room = TestRoom::new(&RoomVersionId::V12, "public");
        let name = json!({ "name": "\"quoted\"" });
        let pdu = room.send(ALICE, "m.room.name", Some(""), name.clone()).unwrap();
        let full = rendered(&pdu, ClientEventFormat::Full, Unsigned::default());
        let expected = json!({
            "content": name,
            "event_id": pdu.event_id(),
            "origin_server_ts": pdu.origin_server_ts(),
            "room_id": pdu.room_id(),
            "sender": ALICE,
            "state_key": "",
            "type": "m.room.name",
            "unsigned": {},
        });
        assert_eq!(full, expected);
        let mut sync = expected.clone();
        sync.as_object_mut().unwrap().remove("room_id");
        assert_eq!(rendered(&pdu, ClientEventFormat::Sync, Unsigned::default()), sync);
        let stripped =
            json!({ "content": name, "sender": ALICE, "state_key": "", "type": "m.room.name" });
        assert_eq!(rendered(&pdu, ClientEventFormat::Stripped, Unsigned::default()), stripped);
        let mut dated = stripped;
        dated["origin_server_ts"] = json!(pdu.origin_server_ts());
        assert_eq!(rendered(&pdu, ClientEventFormat::StrippedDated, Unsigned::default()), dated);
        let create = room.state(&ruma::events::StateEventType::RoomCreate, "").unwrap();
        let create = rendered(&create, ClientEventFormat::Full, Unsigned::default());
        assert_eq!(create["room_id"], room.room_id.unwrap().as_str());
    }

    #[test]
    fn unsigned_is_what_the_caller_says_and_some_of_what_is_stored() {
        let room = TestRoom::new(&RoomVersionId::V11, "public");
        let mut draft = room.draft(ALICE, "m.room.name", Some(""), json!({ "name": "new" }));
        let stored = json!({ "prev_content": { "name": "stored" }, "replaces_state": "$old",
            "transaction_id": "secret", "age": 1 });
        draft.unsigned = Some(to_raw_value(&stored).unwrap());
        let server = ruma::server_name!("hearth.test");
        let pdu = build(draft, room.rules, server, &room.key).unwrap();
        let relations = to_raw_value(&json!({ "m.thread": {} })).unwrap();
        let given = Unsigned {
            now: Some(MilliSecondsSinceUnixEpoch(pdu.origin_server_ts().0 + uint!(250))),
            transaction_id: Some("txn".into()),
            replaces_state: Some(event_id!("$newer")),
            relations: Some(&relations),
            membership: Some(&MembershipState::Join),
            ..Unsigned::default()
        };
        let event = rendered(&pdu, ClientEventFormat::Sync, given);
        let expected = json!({
            "age": 250,
            "m.relations": { "m.thread": {} },
            "membership": "join",
            "prev_content": { "name": "stored" },
            "replaces_state": "$newer",
            "transaction_id": "txn",
        });
        assert_eq!(event["unsigned"], expected);
        let raw = ClientEvent::new(&pdu, ClientEventFormat::Sync, given).to_raw().unwrap();
        assert_eq!(raw.get().matches("replaces_state").count(), 1);
    }

    #[test]
    fn a_clock_behind_gives_a_negative_age() {
        let mut room = TestRoom::new(&RoomVersionId::V11, "public");
        let pdu = room.message(ALICE).unwrap();
        let now = Some(MilliSecondsSinceUnixEpoch(uint!(0)));
        let event =
            rendered(&pdu, ClientEventFormat::Sync, Unsigned { now, ..Unsigned::default() });
        assert!(event["unsigned"]["age"].as_i64().unwrap() < 0);
    }

    #[test]
    fn redacts_is_in_both_places_in_every_version() {
        for version in [RoomVersionId::V6, RoomVersionId::V10, RoomVersionId::V11] {
            let room = TestRoom::new(&version, "public");
            let mut draft = room.draft(ALICE, "m.room.redaction", None, json!({ "reason": "no" }));
            draft.redacts = Some(owned_event_id!("$target"));
            let server = ruma::server_name!("hearth.test");
            let pdu = build(draft, room.rules, server, &room.key).unwrap();
            let event = rendered(&pdu, ClientEventFormat::Sync, Unsigned::default());
            assert_eq!(event["redacts"], "$target");
            assert_eq!(event["content"], json!({ "reason": "no", "redacts": "$target" }));
        }
    }

    #[test]
    fn ruma_reads_what_is_written() {
        let mut room = TestRoom::new(&RoomVersionId::V12, "public");
        let pdu = room.message(ALICE).unwrap();
        let event = ClientEvent::new(&pdu, ClientEventFormat::Sync, Unsigned::default());
        let typed = event.to_typed::<AnySyncTimelineEvent>().unwrap().deserialize().unwrap();
        assert_eq!(typed.event_id(), pdu.event_id());
    }
}
