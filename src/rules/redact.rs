//! Redacting events, and who may ask for it.
//!
//! Redaction removes what the room version does not protect; the event id stays, because the
//! reference hash is taken over the redacted form.

use ruma::{
    CanonicalJsonObject, UserId, canonical_json::redact_in_place,
    room_version_rules::RoomVersionRules,
};

use crate::{ClientEvent, ClientEventFormat, Pdu, PduError, PowerLevels, Unsigned, pdu::malformed};

/// The redacted form of an event (specification, client-server API, "Redactions").
///
/// The redaction `because` of which it happened is kept in `unsigned.redacted_because` as clients
/// see it; every other `unsigned` field goes. Redacting twice changes nothing but that.
///
/// # Errors
/// [`PduError::Malformed`] when the stored text was not an event.
pub fn redact(pdu: &Pdu, rules: &RoomVersionRules, because: Option<&Pdu>) -> Result<Pdu, PduError> {
    let mut object = pdu.to_object()?;
    redact_in_place(&mut object, &rules.redaction, None).map_err(malformed)?;
    object.remove("unsigned");
    if let Some(because) = because {
        let event = ClientEvent::new(because, ClientEventFormat::Full, Unsigned::default());
        let event: CanonicalJsonObject =
            serde_json::from_str(event.to_raw()?.get()).map_err(malformed)?;
        let unsigned = [("redacted_because".to_owned(), event.into())];
        object.insert("unsigned".to_owned(), CanonicalJsonObject::from(unsigned).into());
    }
    pdu.with_json(&object, rules)
}

/// Whether a user of this server may redact an event: their own, or any with the redact level.
///
/// That they may send `m.room.redaction` at all is for [`crate::authorize`].
#[must_use]
pub fn redaction_allowed(levels: &PowerLevels, redactor: &UserId, target_sender: &UserId) -> bool {
    redactor == target_sender || levels.user(redactor) >= levels.redact()
}

/// Whether a redaction that the room accepted takes effect here: with the redact level, or when
/// both senders are of the same server, which then answers for it (specification, room version 3,
/// "Handling redactions").
#[must_use]
pub fn redaction_applies(levels: &PowerLevels, redactor: &UserId, target_sender: &UserId) -> bool {
    redactor.server_name() == target_sender.server_name()
        || levels.user(redactor) >= levels.redact()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::{RoomVersionId, user_id};
    use serde_json::json;

    use super::*;
    use crate::{
        test_room::{ALICE, BOB, CAROL, TestRoom},
        version::SUPPORTED,
    };

    #[test]
    fn a_message_loses_its_content_and_keeps_its_id() {
        for version in SUPPORTED {
            let mut room = TestRoom::new(&version, "public");
            let message = room.message(ALICE).unwrap();
            let redacted = redact(&message, room.rules, None).unwrap();
            assert_eq!(redacted.content().get(), "{}");
            assert!(!redacted.is_redacted());
            let again = Pdu::parse_remote(redacted.json(), room.rules).unwrap();
            assert_eq!(again.event_id(), message.event_id());
            assert_eq!(again.room_id(), message.room_id());
        }
    }

    #[test]
    fn the_redaction_is_kept_as_clients_see_it() {
        let mut room = TestRoom::new(&RoomVersionId::V11, "public");
        let message = room.message(ALICE).unwrap();
        let because = json!({ "redacts": message.event_id(), "reason": "spam" });
        let because = room.send(ALICE, "m.room.redaction", None, because).unwrap();
        let redacted = redact(&message, room.rules, Some(&because)).unwrap();
        assert!(redacted.is_redacted());
        let unsigned: serde_json::Value =
            serde_json::from_str(redacted.unsigned().unwrap().get()).unwrap();
        let kept = &unsigned["redacted_because"];
        assert_eq!(kept["event_id"], because.event_id().as_str());
        assert_eq!(kept["redacts"], message.event_id().as_str());
        assert_eq!(kept["content"]["reason"], "spam");
    }

    #[test]
    fn a_create_event_keeps_its_room_since_version_12() {
        let room = TestRoom::new(&RoomVersionId::V12, "public");
        let create = room.state(&ruma::events::StateEventType::RoomCreate, "").unwrap();
        let redacted = redact(&create, room.rules, None).unwrap();
        assert_eq!(redacted.room_id(), create.room_id());
        assert_eq!(redacted.content().get(), create.content().get());
    }

    #[test]
    fn own_events_and_the_redact_level_allow_redaction() {
        let mut room = TestRoom::new(&RoomVersionId::V11, "public");
        room.join(BOB).unwrap();
        let levels = room.power_levels();
        let (alice, bob, carol) = (
            <&UserId>::try_from(ALICE).unwrap(),
            <&UserId>::try_from(BOB).unwrap(),
            <&UserId>::try_from(CAROL).unwrap(),
        );
        assert!(redaction_allowed(&levels, bob, bob));
        assert!(redaction_allowed(&levels, alice, carol));
        assert!(!redaction_allowed(&levels, bob, alice));
        assert!(redaction_applies(&levels, bob, alice), "same server");
        assert!(!redaction_applies(&levels, carol, alice));
        assert!(redaction_applies(&levels, carol, user_id!("@dave:elsewhere.test")));
    }

    proptest! {
        #[test]
        fn redacting_twice_is_redacting_once(
            kind in prop::sample::select(vec![
                "m.room.message", "m.room.redaction", "m.room.name", "m.room.join_rules",
                "m.room.history_visibility", "m.room.aliases",
            ]),
            version in prop::sample::select(SUPPORTED.to_vec()),
            content in prop::collection::btree_map("[a-z_]{1,12}", ".{0,20}", 0..6),
        ) {
            let room = TestRoom::new(&version, "public");
            let pdu = room.build(ALICE, kind, Some(""), json!(content));
            let once = redact(&pdu, room.rules, None).unwrap();
            let twice = redact(&once, room.rules, None).unwrap();
            prop_assert_eq!(once.json(), twice.json());
        }
    }
}
