//! What rooms of this API are made of: their version, their levels, who may come in.
//!
//! Rooms have version 11, in which the creator has a level like everybody else, so that ownership
//! can be handed over.

use std::ops::RangeInclusive;

use ruma::RoomVersionId;
use serde_json::{Map, Value, json};

use crate::{Faults, views::RoomType};

/// The version of rooms that are made here.
pub(super) const ROOM_VERSION: RoomVersionId = RoomVersionId::V11;
/// How many characters the name of a room has.
const NAME_CHARACTERS: RangeInclusive<usize> = 1..=100;
/// How many characters its description has.
const DESCRIPTION_CHARACTERS: RangeInclusive<usize> = 0..=1_000;
/// The level of whoever makes a direct room, until it is made: then nobody has it.
const MAKER: i32 = 100;
/// The level of the people of a direct room.
const EQUALS: i32 = 50;

/// Checks what a room is called and what it is about.
pub(super) fn check_texts(faults: &mut Faults, name: Option<&str>, description: Option<&str>) {
    faults.optional_characters("name", name, NAME_CHARACTERS);
    faults.not_blank("name", name.unwrap_or_default());
    faults.optional_characters("description", description, DESCRIPTION_CHARACTERS);
}

/// Who may do what in a room with roles. Admins may change levels below their own, because muting
/// somebody is that.
pub(super) fn levels_with_roles() -> Map<String, Value> {
    object(json!({
        "events": {
            "m.room.name": 50,
            "m.room.topic": 50,
            "m.room.avatar": 50,
            "m.room.pinned_events": 50,
            "m.room.join_rules": 50,
            "m.room.power_levels": 50,
            "m.room.canonical_alias": 50,
            "m.room.history_visibility": 100,
            "m.room.tombstone": 100,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
            "org.hearth.archived": 100,
        },
        "invite": 50,
    }))
}

/// Who may do what in a direct room. Its maker needs the highest level to make it.
pub(super) fn direct_levels() -> Map<String, Value> {
    object(json!({
        "users_default": 0,
        "events": {
            "m.room.pinned_events": EQUALS,
            "m.room.power_levels": MAKER,
            "m.room.join_rules": MAKER,
            "m.room.guest_access": MAKER,
            "m.room.history_visibility": MAKER,
            "m.room.tombstone": MAKER,
            "m.room.server_acl": MAKER,
            "m.room.encryption": MAKER,
        },
        "events_default": 0,
        "state_default": EQUALS,
        "invite": MAKER,
        "kick": MAKER,
        "ban": MAKER,
        "redact": MAKER,
    }))
}

/// The same once the room is there: two equals, and nobody who could let anybody else in.
pub(super) fn levels_of_equals(users: [&str; 2]) -> Value {
    let users: Map<_, _> = users.map(|user| (user.to_owned(), EQUALS.into())).into_iter().collect();
    let mut levels = direct_levels();
    levels.insert("users".to_owned(), Value::Object(users));
    Value::Object(levels)
}

/// The content of `m.room.join_rules`.
pub(super) fn join_rules(room_type: RoomType) -> Value {
    let is_public = room_type == RoomType::Public;
    json!({ "join_rule": if is_public { "public" } else { "invite" } })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
