//! Whether an event passes a client's filter (specification, client-server API, "Filtering").
//!
//! `limit` and lazy loading are not decisions about one event and are left to the caller.

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::filter::{Filter, RoomEventFilter, RoomFilter, UrlFilter},
};
use serde::Deserialize;

use crate::Pdu;

/// What filters look at.
#[derive(Clone, Copy, Debug)]
pub struct Filterable<'a> {
    /// The event type.
    pub event_type: &'a str,
    /// The sender, of events that have one.
    pub sender: Option<&'a UserId>,
    /// The room.
    pub room_id: &'a RoomId,
    /// Whether `content` has a `url` that is a string.
    pub contains_url: bool,
}

/// Whether a room event passes.
#[must_use]
pub fn passes_room(filter: &RoomEventFilter, event: &Filterable<'_>) -> bool {
    passes_types(filter.types.as_deref(), &filter.not_types, event.event_type)
        && passes_senders(filter.senders.as_deref(), &filter.not_senders, event.sender)
        && passes_rooms(filter.rooms.as_deref(), &filter.not_rooms, event.room_id)
        && match filter.url_filter {
            None => true,
            Some(UrlFilter::EventsWithUrl) => event.contains_url,
            Some(UrlFilter::EventsWithoutUrl) => !event.contains_url,
        }
}

/// Whether a stored event passes; its content is only parsed when the filter asks for `url`.
#[must_use]
pub fn passes_pdu(filter: &RoomEventFilter, pdu: &Pdu) -> bool {
    let contains_url = filter.url_filter.is_some() && contains_url(pdu);
    let event = Filterable {
        event_type: pdu.type_name(),
        sender: Some(pdu.sender()),
        room_id: pdu.room_id(),
        contains_url,
    };
    passes_room(filter, &event)
}

/// Whether an event without a room passes: presence, account data.
#[must_use]
pub fn passes(filter: &Filter, event_type: &str, sender: Option<&UserId>) -> bool {
    passes_types(filter.types.as_deref(), &filter.not_types, event_type)
        && passes_senders(filter.senders.as_deref(), &filter.not_senders, sender)
}

/// Whether an event of a room that has nothing but a type passes: receipts, typing, account data.
#[must_use]
pub fn passes_type(filter: &RoomEventFilter, event_type: &str) -> bool {
    passes_types(filter.types.as_deref(), &filter.not_types, event_type)
}

/// Whether anything of a room passes.
#[must_use]
pub fn includes_room(filter: &RoomFilter, room_id: &RoomId) -> bool {
    passes_rooms(filter.rooms.as_deref(), &filter.not_rooms, room_id)
}

/// Whether an event's content has a `url` that is a string.
#[must_use]
pub fn contains_url(pdu: &Pdu) -> bool {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "url")]
        _url: String,
    }
    pdu.content_as::<Content>().is_some()
}

fn passes_types(types: Option<&[String]>, not_types: &[String], event_type: &str) -> bool {
    let matches = |pattern: &String| matches_pattern(pattern, event_type);
    !not_types.iter().any(matches) && types.is_none_or(|types| types.iter().any(matches))
}

fn passes_senders(
    senders: Option<&[OwnedUserId]>,
    not_senders: &[OwnedUserId],
    sender: Option<&UserId>,
) -> bool {
    let Some(sender) = sender else { return true };
    !not_senders.iter().any(|id| id == sender)
        && senders.is_none_or(|senders| senders.iter().any(|id| id == sender))
}

fn passes_rooms(rooms: Option<&[OwnedRoomId]>, not_rooms: &[OwnedRoomId], room: &RoomId) -> bool {
    !not_rooms.iter().any(|id| id == room)
        && rooms.is_none_or(|rooms| rooms.iter().any(|id| id == room))
}

/// Matches `*` against any sequence of characters, everything else against itself.
///
/// The parts between the stars are searched one after another and never again, so a pattern made
/// to be slow is not.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(prefix).and_then(|text| text.strip_suffix(suffix))
    else {
        return false;
    };
    for part in middle.split('*') {
        let Some(at) = text.find(part) else {
            return false;
        };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use ruma::{RoomVersionId, room_id, user_id};
    use serde_json::{Value, json};

    use super::*;
    use crate::test_room::{ALICE, TestRoom};

    fn room_passes(filter: Value) -> bool {
        let filter: RoomEventFilter = serde_json::from_value(filter).unwrap();
        let event = Filterable {
            event_type: "m.room.message",
            sender: Some(user_id!("@alice:hearth.test")),
            room_id: room_id!("!room:hearth.test"),
            contains_url: true,
        };
        passes_room(&filter, &event)
    }

    #[test]
    fn each_list_includes_and_excludes() {
        for (filter, expected) in [
            (json!({}), true),
            (json!({ "types": ["m.room.message"] }), true),
            (json!({ "types": ["m.room.*"] }), true),
            (json!({ "types": ["m.room.name", "m.reaction"] }), false),
            (json!({ "types": [] }), false),
            (json!({ "types": ["*"], "not_types": ["m.*.message"] }), false),
            (json!({ "senders": [ALICE] }), true),
            (json!({ "senders": [] }), false),
            (json!({ "senders": [ALICE], "not_senders": [ALICE] }), false),
            (json!({ "rooms": ["!room:hearth.test"] }), true),
            (json!({ "rooms": ["!other:hearth.test"] }), false),
            (json!({ "not_rooms": ["!room:hearth.test"] }), false),
            (json!({ "contains_url": true }), true),
            (json!({ "contains_url": false }), false),
        ] {
            assert_eq!(room_passes(filter.clone()), expected, "{filter}");
        }
    }

    #[test]
    fn account_data_has_no_sender_to_refuse() {
        let filter: Filter = serde_json::from_value(json!({ "senders": [ALICE] })).unwrap();
        assert!(passes(&filter, "m.push_rules", None));
        assert!(!passes(&filter, "m.presence", Some(user_id!("@bob:hearth.test"))));
    }

    #[test]
    fn only_a_string_is_a_url() {
        let room = TestRoom::new(&RoomVersionId::V11, "public");
        for (content, expected) in [
            (json!({ "url": "mxc://hearth.test/a" }), true),
            (json!({ "url": 7 }), false),
            (json!({ "file": { "url": "mxc://hearth.test/a" } }), false),
        ] {
            let pdu = room.build(ALICE, "m.room.message", None, content);
            let filter = serde_json::from_value(json!({ "contains_url": true })).unwrap();
            assert_eq!(passes_pdu(&filter, &pdu), expected);
        }
    }

    #[test]
    fn stars_match_any_sequence() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("**", "anything", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("*.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("é*é", "éaé", true),
            ("a**b", "ab", true),
            ("*ab*ab*", "aab", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} on {text}");
        }
        let (pattern, text) = ("a*".repeat(5_000), "a".repeat(4_999));
        assert!(!matches_pattern(&format!("{pattern}b"), &text));
    }
}
