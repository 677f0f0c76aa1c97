//! Whether a room allows an event (specification, server-server API, "Authorization rules").
//!
//! The rules are ruma's. They come in two halves: [`check_auth_events`] looks at the events that
//! the event itself names, once; [`check_state`] looks at a state of the room, and is asked again
//! for each state that matters. [`authorize`] is both, for an event that was built here.

use std::collections::BTreeMap;

use ruma::{
    EventId, OwnedEventId, UserId,
    events::{StateEventType, TimelineEventType},
    room_version_rules::RoomVersionRules,
    state_res::{
        Event, auth_types_for_event, check_state_dependent_auth_rules,
        check_state_independent_auth_rules,
    },
};
use serde_json::value::RawValue;

use crate::Pdu;

/// The authorization rules refuse the event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not allowed: {reason}")]
pub struct NotAllowed {
    /// Which rule, for people.
    pub reason: String,
}

impl From<String> for NotAllowed {
    fn from(reason: String) -> Self {
        Self { reason }
    }
}

/// The state that must be named by `auth_events` and that the rules look at (specification,
/// server-server API, "Auth events selection"); without `m.room.create` since room version 12.
///
/// # Errors
/// [`NotAllowed`] when the content of an `m.room.member` event does not have its format.
pub fn auth_types(
    event_type: &TimelineEventType,
    sender: &UserId,
    state_key: Option<&str>,
    content: &RawValue,
    rules: &RoomVersionRules,
) -> Result<Vec<(StateEventType, String)>, NotAllowed> {
    Ok(auth_types_for_event(event_type, sender, state_key, content, &rules.authorization)?)
}

/// Checks an event that was built here against the state of the room before it: its
/// `auth_events` are part of that state, and that state allows it.
///
/// # Errors
/// [`NotAllowed`] with the first rule that refuses.
pub fn authorize<E: Event<Id = OwnedEventId> + Clone>(
    pdu: &Pdu,
    rules: &RoomVersionRules,
    fetch_state: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), NotAllowed> {
    authorize_as(pdu, pdu, rules, fetch_state)
}

/// As [`authorize`], where the room's state is asked about `seen`: the event as the rules that
/// depend on the state should see it.
pub(crate) fn authorize_as<E: Event<Id = OwnedEventId> + Clone>(
    pdu: &Pdu,
    seen: impl Event,
    rules: &RoomVersionRules,
    fetch_state: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), NotAllowed> {
    let mut known = BTreeMap::new();
    let create = (StateEventType::RoomCreate, String::new());
    let wanted = auth_types(pdu.event_type(), pdu.sender(), pdu.state_key(), pdu.content(), rules)?;
    if *pdu.event_type() != TimelineEventType::RoomCreate {
        for (event_type, state_key) in wanted.into_iter().chain([create]) {
            if let Some(event) = fetch_state(&event_type, &state_key) {
                known.insert(event.event_id().clone(), event);
            }
        }
    }
    check_auth_events(pdu, rules, |event_id| known.get(event_id).cloned())?;
    check_state(seen, rules, fetch_state)
}

/// The half of the rules that does not depend on the room's state: a create event's form, and
/// for every other event that its `auth_events` exist, are in the room, were not rejected, and are
/// of the types that may be named.
///
/// # Errors
/// [`NotAllowed`] with the first rule that refuses.
pub fn check_auth_events<E: Event>(
    pdu: &Pdu,
    rules: &RoomVersionRules,
    fetch_event: impl Fn(&EventId) -> Option<E>,
) -> Result<(), NotAllowed> {
    Ok(check_state_independent_auth_rules(&rules.authorization, pdu, fetch_event)?)
}

/// The half of the rules that depends on a state of the room. For an event of another server this
/// is asked three times: with the state of its `auth_events`, with the state before it, and with
/// the current state.
///
/// # Errors
/// [`NotAllowed`] with the first rule that refuses.
pub fn check_state<E: Event>(
    event: impl Event,
    rules: &RoomVersionRules,
    fetch_state: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), NotAllowed> {
    Ok(check_state_dependent_auth_rules(&rules.authorization, event, fetch_state)?)
}

#[cfg(test)]
mod tests {
    use ruma::RoomVersionId;
    use serde_json::json;

    use super::*;
    use crate::test_room::{ALICE, BOB, CAROL, TestRoom};

    const VERSIONS: [RoomVersionId; 4] =
        [RoomVersionId::V6, RoomVersionId::V10, RoomVersionId::V11, RoomVersionId::V12];

    #[test]
    fn a_public_room_lets_people_join_and_talk() {
        for version in VERSIONS {
            let mut room = TestRoom::new(&version, "public");
            room.join(BOB).unwrap();
            room.message(BOB).unwrap();
            room.join(CAROL).unwrap();
            room.message(CAROL).unwrap();
        }
    }

    #[test]
    fn an_invite_room_wants_an_invite_first() {
        for version in VERSIONS {
            let mut room = TestRoom::new(&version, "invite");
            room.join(BOB).unwrap_err();
            room.member(BOB, CAROL, "invite").unwrap_err();
            room.member(ALICE, BOB, "invite").unwrap();
            room.join(BOB).unwrap();
            room.member(ALICE, BOB, "invite").unwrap_err();
        }
    }

    #[test]
    fn strangers_do_not_talk_and_nobody_joins_for_another() {
        for version in VERSIONS {
            let mut room = TestRoom::new(&version, "public");
            assert!(room.message(BOB).unwrap_err().reason.contains("join"));
            room.member(ALICE, BOB, "join").unwrap_err();
        }
    }

    #[test]
    fn bans_hold_until_lifted_and_need_power() {
        for version in VERSIONS {
            let mut room = TestRoom::new(&version, "public");
            room.join(BOB).unwrap();
            room.member(BOB, ALICE, "ban").unwrap_err();
            room.member(BOB, ALICE, "leave").unwrap_err();
            room.member(ALICE, BOB, "ban").unwrap();
            room.message(BOB).unwrap_err();
            room.join(BOB).unwrap_err();
            room.member(BOB, BOB, "leave").unwrap_err();
            room.member(ALICE, BOB, "leave").unwrap();
            room.join(BOB).unwrap();
        }
    }

    #[test]
    fn power_levels_are_not_raised_above_ones_own() {
        for version in VERSIONS {
            let mut room = TestRoom::new(&version, "public");
            room.join(BOB).unwrap();
            let mut users = json!({ ALICE: 100, BOB: 50 });
            if version == RoomVersionId::V12 {
                users.as_object_mut().unwrap().remove(ALICE);
            }
            let levels = |users| json!({ "users": users });
            room.send(BOB, "m.room.power_levels", Some(""), levels(users.clone())).unwrap_err();
            room.send(ALICE, "m.room.power_levels", Some(""), levels(users.clone())).unwrap();
            room.send(BOB, "m.room.name", Some(""), json!({ "name": "ours" })).unwrap();
            users[BOB] = json!(60);
            room.send(BOB, "m.room.power_levels", Some(""), levels(users)).unwrap_err();
        }
    }

    #[test]
    fn power_levels_of_version_10_are_integers() {
        let levels = json!({ "users": { ALICE: "100" } });
        let mut room = TestRoom::new(&RoomVersionId::V6, "public");
        room.send(ALICE, "m.room.power_levels", Some(""), levels.clone()).unwrap();
        let mut room = TestRoom::new(&RoomVersionId::V10, "public");
        room.send(ALICE, "m.room.power_levels", Some(""), levels).unwrap_err();
    }

    #[test]
    fn creators_of_version_12_stand_above_all_levels_and_in_none() {
        let extra = json!({ "additional_creators": [BOB] });
        let mut room = TestRoom::created(&RoomVersionId::V12, extra);
        room.join(ALICE).unwrap();
        room.send(ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": "public" })).unwrap();
        room.join(BOB).unwrap();
        let levels = json!({ "users": { CAROL: 100 }, "state_default": 9_000 });
        room.send(BOB, "m.room.power_levels", Some(""), levels).unwrap();
        room.join(CAROL).unwrap();
        room.send(BOB, "m.room.name", Some(""), json!({ "name": "mine" })).unwrap();
        room.send(CAROL, "m.room.name", Some(""), json!({ "name": "mine" })).unwrap_err();
        room.member(CAROL, ALICE, "ban").unwrap_err();
        room.member(ALICE, CAROL, "ban").unwrap();
        let levels = json!({ "users": { ALICE: 100 } });
        room.send(ALICE, "m.room.power_levels", Some(""), levels).unwrap_err();
    }

    #[test]
    fn the_create_event_is_named_until_version_12() {
        for version in VERSIONS {
            let mut room = TestRoom::new(&version, "public");
            let message = room.message(ALICE).unwrap();
            let create = room.state(&StateEventType::RoomCreate, "").unwrap();
            let named = message.auth_events().contains(&create.event_id().to_owned());
            assert_eq!(named, version != RoomVersionId::V12);
        }
    }

    #[test]
    fn an_event_may_not_name_state_that_does_not_hold() {
        let mut room = TestRoom::new(&RoomVersionId::V11, "public");
        let mut draft = room.draft(ALICE, "m.room.message", None, json!({}));
        draft.auth_events.push(ruma::owned_event_id!("$unknown"));
        let server = ruma::server_name!("hearth.test");
        let pdu = crate::build(draft, room.rules, server, &room.key).unwrap();
        assert!(room.accept(pdu).unwrap_err().reason.contains("$unknown"));
    }

    #[test]
    fn rejected_auth_events_reject_what_they_authorize() {
        let room = TestRoom::new(&RoomVersionId::V11, "public");
        let pdu = room.build(ALICE, "m.room.message", None, json!({}));
        let fetch = |rejected: bool| {
            move |id: &EventId| Some(room.events.get(id)?.clone().with_rejected(rejected))
        };
        let refused =
            check_auth_events(&pdu, &ruma::room_version_rules::RoomVersionRules::V11, fetch(true));
        assert!(refused.unwrap_err().reason.contains("rejected"));
    }

    #[test]
    fn a_room_without_a_create_event_allows_nothing() {
        let room = TestRoom::new(&RoomVersionId::V11, "public");
        let pdu = room.build(ALICE, "m.room.message", None, json!({}));
        authorize(&pdu, room.rules, |_, _| None::<Pdu>).unwrap_err();
    }
}
