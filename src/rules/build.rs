//! Making events: the only place where this server hashes and signs one.
//!
//! A [`Draft`] is made of parts that were validated here, never of an event that somebody else
//! handed over. Whether the room allows the event is for [`crate::authorize`].

use hearth_base::limits::{IDENTIFIER_BYTES_MAX, PREV_EVENTS_MAX};
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, Int, MilliSecondsSinceUnixEpoch, OwnedEventId,
    OwnedRoomId, OwnedUserId, ServerName,
    events::TimelineEventType,
    room_version_rules::RoomVersionRules,
    signatures::{JsonError, add_content_hash_to_event, sign_event},
};
use serde_json::value::RawValue;

use crate::{Pdu, PduError, SigningKey};

/// Why a draft cannot become an event.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `content` or `unsigned` is not an object of canonical JSON: a float, an integer beyond
    /// ±(2⁵³ − 1), or no object at all. The client's fault.
    #[error("not canonical JSON: {0}")]
    BadJson(String),
    /// The event or an identifier in it is larger than the specification allows.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The draft contradicts the format of its room version: a fault of this server.
    #[error("not an event: {0}")]
    Malformed(String),
}

/// What is known of an event before it is hashed and signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `None` only for a create event since room version 12, which makes the room id.
    pub room_id: Option<OwnedRoomId>,
    /// Who sends it: a user of this server.
    pub sender: OwnedUserId,
    /// The event type.
    pub event_type: TimelineEventType,
    /// The state key of a state event.
    pub state_key: Option<String>,
    /// The content, a JSON object in any spelling.
    pub content: Box<RawValue>,
    /// The event that a redaction names; written where the room version wants it.
    pub redacts: Option<OwnedEventId>,
    /// For how long it is sticky, in milliseconds (MSC4354).
    pub sticky_ms: Option<u32>,
    /// Stored beside the event, neither hashed nor signed.
    pub unsigned: Option<Box<RawValue>>,
    /// Now.
    pub origin_server_ts: MilliSecondsSinceUnixEpoch,
    /// The events before it, at most [`PREV_EVENTS_MAX`].
    pub prev_events: Vec<OwnedEventId>,
    /// The state that [`crate::auth_types`] asks for.
    pub auth_events: Vec<OwnedEventId>,
    /// One more than the deepest previous event.
    pub depth: u64,
}

/// Hashes and signs a draft in the name of `server_name`.
///
/// # Errors
/// See [`BuildError`]; nothing is signed then.
pub fn build(
    draft: Draft,
    rules: &RoomVersionRules,
    server_name: &ServerName,
    key: &SigningKey,
) -> Result<Pdu, BuildError> {
    check_limits(&draft)?;
    let mut object = to_object(draft, rules)?;
    add_content_hash_to_event(&mut object).map_err(not_hashable)?;
    sign_event(server_name.as_str(), key, &mut object, &rules.redaction).map_err(not_hashable)?;
    Pdu::from_object(&object, rules).map_err(|error| match error {
        PduError::TooLarge { bytes } => too_large("event", bytes),
        PduError::Malformed(reason) => BuildError::Malformed(reason),
    })
}

fn check_limits(draft: &Draft) -> Result<(), BuildError> {
    let state_key_bytes = draft.state_key.as_ref().map_or(0, String::len);
    let room_id_bytes = draft.room_id.as_ref().map_or(0, |room_id| room_id.as_str().len());
    for (what, bytes) in [
        ("sender", draft.sender.as_str().len()),
        ("type", draft.event_type.to_string().len()),
        ("state_key", state_key_bytes),
        ("room_id", room_id_bytes),
    ] {
        if bytes > IDENTIFIER_BYTES_MAX {
            return Err(too_large(what, bytes));
        }
    }
    if draft.prev_events.len() > PREV_EVENTS_MAX {
        return Err(BuildError::Malformed("too many previous events".to_owned()));
    }
    Ok(())
}

fn to_object(draft: Draft, rules: &RoomVersionRules) -> Result<CanonicalJsonObject, BuildError> {
    let mut content = canonical_object(&draft.content)?;
    let mut object = CanonicalJsonObject::new();
    if let Some(redacts) = draft.redacts {
        let target = if rules.redaction.content_field_redacts { &mut content } else { &mut object };
        target.insert("redacts".to_owned(), redacts.to_string().into());
    }
    if let Some(unsigned) = &draft.unsigned {
        object.insert("unsigned".to_owned(), canonical_object(unsigned)?.into());
    }
    if let Some(room_id) = draft.room_id {
        object.insert("room_id".to_owned(), room_id.to_string().into());
    }
    if let Some(sticky_ms) = draft.sticky_ms {
        let sticky = [("duration_ms".to_owned(), Int::from(sticky_ms).into())];
        object.insert("msc4354_sticky".to_owned(), CanonicalJsonObject::from(sticky).into());
    }
    if let Some(state_key) = draft.state_key {
        object.insert("state_key".to_owned(), state_key.into());
    }
    let depth = Int::try_from(draft.depth).unwrap_or(Int::MAX);
    object.extend([
        ("auth_events".to_owned(), ids(&draft.auth_events)),
        ("content".to_owned(), content.into()),
        ("depth".to_owned(), depth.into()),
        ("origin_server_ts".to_owned(), Int::from(draft.origin_server_ts.get()).into()),
        ("prev_events".to_owned(), ids(&draft.prev_events)),
        ("sender".to_owned(), draft.sender.to_string().into()),
        ("type".to_owned(), draft.event_type.to_string().into()),
    ]);
    Ok(object)
}

fn canonical_object(json: &RawValue) -> Result<CanonicalJsonObject, BuildError> {
    serde_json::from_str(json.get()).map_err(|error| BuildError::BadJson(error.to_string()))
}

fn ids(event_ids: &[OwnedEventId]) -> CanonicalJsonValue {
    let ids = event_ids.iter().map(|id| CanonicalJsonValue::String(id.to_string()));
    CanonicalJsonValue::Array(ids.collect())
}

fn not_hashable(error: JsonError) -> BuildError {
    match error {
        JsonError::PduTooLarge => BuildError::TooLarge(error.to_string()),
        other => BuildError::Malformed(other.to_string()),
    }
}

fn too_large(what: &str, bytes: usize) -> BuildError {
    BuildError::TooLarge(format!("{what} has {bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use ruma::{RoomVersionId, owned_event_id, server_name};
    use serde_json::json;

    use super::*;
    use crate::test_room::{ALICE, TestRoom};

    fn built(room: &TestRoom, draft: Draft) -> Result<Pdu, BuildError> {
        build(draft, room.rules, server_name!("hearth.test"), &room.key)
    }

    fn with_content(content: &str) -> Result<Pdu, BuildError> {
        let room = TestRoom::new(&RoomVersionId::V11, "public");
        let mut draft = room.draft(ALICE, "m.room.message", None, json!({}));
        draft.content = RawValue::from_string(content.to_owned()).unwrap();
        built(&room, draft)
    }

    #[test]
    fn numbers_beyond_canonical_json_are_refused() {
        for bad in [
            r#"{"n":1.5}"#,
            r#"{"n":9007199254740992}"#,
            r#"{"n":-9007199254740992}"#,
            r#"{"n":1e3}"#,
            r#"{"n":-0}"#,
            r#"{"n":{"deep":[0.1]}}"#,
            "[]",
            "null",
            "7",
        ] {
            assert!(matches!(with_content(bad), Err(BuildError::BadJson(_))), "{bad}");
        }
        with_content(r#"{"n":9007199254740991,"m":-9007199254740991,"s":"1.5"}"#).unwrap();
    }

    #[test]
    fn sizes_are_limited() {
        let body = |bytes: usize| format!(r#"{{"body":"{}"}}"#, "x".repeat(bytes));
        let overhead = with_content(&body(0)).unwrap().json().len();
        with_content(&body(65_535 - overhead)).unwrap();
        assert!(matches!(with_content(&body(65_536 - overhead)), Err(BuildError::TooLarge(_))));
        assert!(matches!(with_content(&body(70_000)), Err(BuildError::TooLarge(_))));

        let room = TestRoom::new(&RoomVersionId::V11, "public");
        let long = "k".repeat(256);
        let state = room.draft(ALICE, "org.example", Some(&long), json!({}));
        assert!(matches!(built(&room, state), Err(BuildError::TooLarge(_))));
        let typed = room.draft(ALICE, &long, Some(""), json!({}));
        assert!(matches!(built(&room, typed), Err(BuildError::TooLarge(_))));
        let mut many = room.draft(ALICE, "org.example", None, json!({}));
        many.prev_events = vec![owned_event_id!("$e"); 21];
        assert!(matches!(built(&room, many), Err(BuildError::Malformed(_))));
    }

    #[test]
    fn redacts_is_written_where_the_version_wants_it() {
        for (version, in_content) in [(RoomVersionId::V10, false), (RoomVersionId::V11, true)] {
            let room = TestRoom::new(&version, "public");
            let mut draft = room.draft(ALICE, "m.room.redaction", None, json!({ "reason": "no" }));
            draft.redacts = Some(owned_event_id!("$target"));
            let pdu = built(&room, draft).unwrap();
            assert_eq!(pdu.redacts().unwrap(), "$target");
            assert_eq!(pdu.content().get().contains("$target"), in_content);
            assert_eq!(pdu.to_object().unwrap().contains_key("redacts"), !in_content);
        }
    }

    #[test]
    fn only_a_create_event_of_version_12_makes_its_room_id() {
        let room = TestRoom::new(&RoomVersionId::V12, "public");
        let room_id = room.room_id.clone().unwrap();
        let create = room.state(&ruma::events::StateEventType::RoomCreate, "").unwrap();
        assert_eq!(create.event_id().as_str()[1..], room_id.as_str()[1..]);
        assert!(!create.json().contains("room_id"));
        assert_eq!(create.room_id(), room_id);

        let mut lost = room.draft(ALICE, "m.room.message", None, json!({}));
        lost.room_id = None;
        assert!(matches!(built(&room, lost), Err(BuildError::Malformed(_))));
        let named = room.draft(ALICE, "m.room.create", Some(""), json!({}));
        assert!(matches!(built(&room, named), Err(BuildError::Malformed(_))));
    }
}
