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
    Ok(auth_types_for_event(
        event_type,
        sender,
        state_key,
        content,
        &rules.authorization,
    )?)
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
    let mut known = BTreeMap::new();
    let create = (StateEventType::RoomCreate, String::new());
    let wanted = auth_types(
        pdu.event_type(),
        pdu.sender(),
        pdu.state_key(),
        pdu.content(),
        rules,
    )?;
    if *pdu.event_type() != TimelineEventType::RoomCreate {
        for (event_type, state_key) in wanted.into_iter().chain([create]) {
            if let Some(event) = fetch_state(&event_type, &state_key) {
                known.insert(event.event_id().clone(), event);
            }
        }
    }
    check_auth_events(pdu, rules, |event_id| known.get(event_id).cloned())?;
    check_state(pdu, rules, fetch_state)
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
    Ok(check_state_independent_auth_rules(
        &rules.authorization,
        pdu,
        fetch_event,
    )?)
}

/// The half of the rules that depends on a state of the room. For an event of another server this
/// is asked three times: with the state of its `auth_events`, with the state before it, and with
/// the current state.
///
/// # Errors
/// [`NotAllowed`] with the first rule that refuses.
pub fn check_state<E: Event>(
    pdu: &Pdu,
    rules: &RoomVersionRules,
    fetch_state: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), NotAllowed> {
    Ok(check_state_dependent_auth_rules(
        &rules.authorization,
        pdu,
        fetch_state,
    )?)
}
