//! That stored, remote and hostile events parse to what they are, or not at all.

use proptest::prelude::*;
use ruma::RoomVersionId;
use serde_json::{Value, json};

use super::*;
use crate::{
    test_room::{ALICE, TestRoom},
    version::SUPPORTED,
};

fn message() -> (TestRoom, Pdu) {
    let mut room = TestRoom::new(&RoomVersionId::V11, "public");
    let message = room.message(ALICE).unwrap();
    (room, message)
}

#[test]
fn stored_and_remote_events_are_the_built_one() {
    for version in SUPPORTED {
        let mut room = TestRoom::new(&version, "public");
        room.message(ALICE).unwrap();
        for pdu in room.events.values() {
            let (event_id, room_id) = (pdu.event_id().to_owned(), pdu.room_id().to_owned());
            let stored =
                Pdu::from_stored(event_id, room_id, room.rules, pdu.json().as_bytes()).unwrap();
            let remote = Pdu::parse_remote(pdu.json(), room.rules).unwrap();
            for same in [stored, remote] {
                assert_eq!(same.event_id(), pdu.event_id());
                assert_eq!(same.room_id(), pdu.room_id());
                assert_eq!(same.json(), pdu.json());
                assert_eq!(same.prev_events(), pdu.prev_events());
            }
        }
    }
}

#[test]
fn unsigned_of_others_is_dropped() {
    let (room, message) = message();
    let mut json: Value = serde_json::from_str(message.json()).unwrap();
    json["unsigned"] = json!({ "redacted_because": {}, "age": 4 });
    let remote = Pdu::parse_remote(&json.to_string(), room.rules).unwrap();
    assert!(remote.unsigned().is_none() && !remote.is_redacted());
    assert_eq!(remote.event_id(), message.event_id());
}

#[test]
fn hostile_fields_are_errors() {
    let (room, message) = message();
    let good: Value = serde_json::from_str(message.json()).unwrap();
    let values =
        [json!(null), json!(-1), json!(1.5), json!([]), json!({}), json!([[]]), json!(u64::MAX)];
    let fields =
        ["type", "sender", "room_id", "depth", "prev_events", "auth_events", "origin_server_ts"];
    for field in fields {
        for value in &values {
            let mut bad = good.clone();
            bad[field] = value.clone();
            let fine = value == &json!([]) && field.ends_with("_events");
            let parsed = Pdu::parse_remote(&bad.to_string(), room.rules);
            assert_eq!(parsed.is_ok(), fine, "{field} = {value}");
        }
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(field);
        Pdu::parse_remote(&bad.to_string(), room.rules).unwrap_err();
    }
    let mut large = good.clone();
    large["content"]["body"] = "x".repeat(PDU_BYTES_MAX).into();
    let large = Pdu::parse_remote(&large.to_string(), room.rules);
    assert!(matches!(large, Err(PduError::TooLarge { .. })));
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    Pdu::parse_remote(&deep, room.rules).unwrap_err();
}

#[test]
fn a_create_event_of_version_12_must_not_name_a_room() {
    let room = TestRoom::new(&RoomVersionId::V12, "public");
    let create = room.state(&ruma::events::StateEventType::RoomCreate, "").unwrap();
    let mut json: Value = serde_json::from_str(create.json()).unwrap();
    json["room_id"] = "!other:hearth.test".into();
    Pdu::parse_remote(&json.to_string(), room.rules).unwrap_err();
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53) + 1..1_i64 << 53).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_json_is_stable(
        content in prop::collection::btree_map(".{0,8}", any_json(), 0..6),
    ) {
        let room = TestRoom::new(&RoomVersionId::V11, "public");
        let pdu = room.build(ALICE, "org.example", None, json!(content));
        let object = pdu.to_object().unwrap();
        prop_assert_eq!(serde_json::to_string(&object).unwrap(), pdu.json());
        prop_assert_eq!(pdu.content_as::<Value>().unwrap(), json!(content));
        let spaced = serde_json::to_string_pretty(&object).unwrap();
        let again = Pdu::parse_remote(&spaced, room.rules).unwrap();
        prop_assert_eq!(again.event_id(), pdu.event_id());
        prop_assert_eq!(again.json(), pdu.json());
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,200}", value in any_json()) {
        let rules = &RoomVersionRules::V12;
        let _ = Pdu::parse_remote(&text, rules);
        let _ = Pdu::parse_remote(&value.to_string(), rules);
    }
}
