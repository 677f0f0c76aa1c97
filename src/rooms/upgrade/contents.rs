//! What a replacement begins with: the transferable state of the old room, with the sender as its
//! creator.

use ruma::{UserId, room_version_rules::RoomVersionRules};
use serde_json::{Map, Value, json};

use super::{OldRoom, UpgradeRoom};
use crate::{Event, RoomsError, new_room::state_event, writer::EventRequest};

/// State that there is one of, in the order in which the new room gets it.
const CARRIED: [&str; 10] = [
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.room.encryption",
    "m.room.server_acl",
    "m.room.policy",
];
/// State that there are many of, by the beginning of its type: spaces and policy lists.
const CARRIED_MANY: [&str; 3] = ["m.space.child", "m.space.parent", "m.policy.rule."];
/// Fields of `m.room.create` that the new room gets values of its own for.
const NOT_CARRIED: [&str; 4] = ["creator", "room_version", "predecessor", "additional_creators"];
/// The level that users without a level of their own do not reach in a room that was replaced.
const QUIET_LEVEL: i64 = 50;
/// What it takes to upgrade a room whose creators stand above all levels (MSC4289).
const TOMBSTONE_LEVEL: i64 = 150;
/// The level of those who stood above all, in a room where nobody does.
const CREATOR_LEVEL: i64 = 100;

/// The events of a new room.
pub(super) struct Contents {
    /// The room is made with these.
    pub(super) first: Vec<EventRequest>,
    /// Then come these, as far as the new room takes them.
    pub(super) later: Vec<EventRequest>,
    /// And after everything else these.
    pub(super) last: Vec<EventRequest>,
}

impl Contents {
    pub(super) fn new(
        old: &OldRoom<'_>,
        request: &UpgradeRoom,
        rules: &RoomVersionRules,
    ) -> Result<Self, RoomsError> {
        let sender = &request.sender;
        let event = |event_type: &str, state_key: &str, content: &Value| {
            state_event(sender, event_type, state_key, content)
        };
        let join = Value::Object(request.profile.to_content("join"));
        let mut first = vec![
            event("m.room.create", "", &create(old, request, rules))?,
            event("m.room.member", sender.as_str(), &join)?,
        ];
        let mut last = Vec::new();
        if let Some(levels) = power_levels(old, request, rules) {
            let levels_now = raised(&levels, sender, rules);
            first.push(event("m.room.power_levels", "", &levels_now)?);
            if levels_now != levels {
                last.push(event("m.room.power_levels", "", &levels)?);
            }
        }
        for event_type in CARRIED {
            if let Some(content) = old.state_event(event_type).and_then(content_of) {
                first.push(event(event_type, "", &content)?);
            }
        }
        let mut later = Vec::new();
        for carried in &old.state {
            let (event_type, state_key) = (carried.pdu().type_name(), carried.pdu().state_key());
            let is_carried = CARRIED_MANY.iter().any(|start| event_type.starts_with(start));
            if let (true, Some(content)) = (is_carried, content_of(carried)) {
                later.push(event(event_type, state_key.unwrap_or_default(), &content)?);
            }
        }
        Ok(Self { first, later, last })
    }
}

/// The content of a ban in the new room.
pub(super) fn ban(event: &Event) -> Value {
    let reason = content_of(event).and_then(|mut content| Some(content.get_mut("reason")?.take()));
    match reason {
        Some(reason) => json!({ "membership": "ban", "reason": reason }),
        None => json!({ "membership": "ban" }),
    }
}

/// The power levels of the old room, raised so that nobody goes on there by mistake.
pub(super) fn quiet_levels(old: &OldRoom<'_>) -> Value {
    let levels = old.levels.as_ruma();
    let quiet = QUIET_LEVEL.max(i64::from(levels.users_default).saturating_add(1));
    let present = old.state_event("m.room.power_levels").and_then(content_of);
    let mut content = present.unwrap_or_else(|| json!({}));
    content["events_default"] = quiet.max(levels.events_default.into()).into();
    content["invite"] = quiet.max(levels.invite.into()).into();
    content
}

/// The content of a state event; `None` if it says nothing.
fn content_of(event: &Event) -> Option<Value> {
    let content: Map<String, Value> = event.pdu().content_as()?;
    (!content.is_empty()).then_some(Value::Object(content))
}

fn create(old: &OldRoom<'_>, request: &UpgradeRoom, rules: &RoomVersionRules) -> Value {
    let present = old.state_event("m.room.create").and_then(content_of);
    let mut content = present.unwrap_or_else(|| json!({}));
    if let Value::Object(fields) = &mut content {
        fields.retain(|field, _| !NOT_CARRIED.contains(&field.as_str()));
    }
    let rules = &rules.authorization;
    content["room_version"] = request.version.as_str().into();
    content["predecessor"] = json!({ "room_id": old.room.id() });
    if !rules.room_create_event_id_as_room_id {
        content["predecessor"]["event_id"] = json!(old.head.extremities.first());
    }
    if !rules.use_room_create_sender {
        content["creator"] = request.sender.as_str().into();
    }
    let mut others = request.additional_creators.clone();
    others.retain(|user_id| *user_id != request.sender);
    others.dedup();
    if rules.additional_room_creators && !others.is_empty() {
        content["additional_creators"] = json!(others);
    }
    content
}

/// The power levels that the new room shall have; none if the old one has none.
fn power_levels(
    old: &OldRoom<'_>,
    request: &UpgradeRoom,
    rules: &RoomVersionRules,
) -> Option<Value> {
    let mut content = content_of(old.state_event("m.room.power_levels")?)?;
    make_integers(&mut content);
    let stood_above = old.room.rules().authorization.explicitly_privilege_room_creators;
    let stand_above = rules.authorization.explicitly_privilege_room_creators;
    for field in ["users", "events"] {
        if !content[field].is_object() {
            content[field] = json!({});
        }
    }
    if stand_above {
        if let Some(users) = content["users"].as_object_mut() {
            let creators = request.additional_creators.iter().chain([&request.sender]);
            creators.for_each(|creator| drop(users.remove(creator.as_str())));
        }
        if !stood_above {
            let present = content["events"]["m.room.tombstone"].as_i64().unwrap_or_default();
            content["events"]["m.room.tombstone"] = TOMBSTONE_LEVEL.max(present).into();
        }
    } else if stood_above {
        for creator in old.levels.creators() {
            content["users"][creator.as_str()] = CREATOR_LEVEL.into();
        }
    }
    Some(content)
}

/// Before room version 10 a level could be the text of a number.
fn make_integers(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(make_integers),
        Value::String(text) => {
            if let Ok(number) = text.trim().parse::<i64>() {
                *value = number.into();
            }
        }
        _ => {}
    }
}

/// The levels with enough for the sender to write the state of the new room.
fn raised(levels: &Value, sender: &UserId, rules: &RoomVersionRules) -> Value {
    let mut raised = levels.clone();
    if rules.authorization.explicitly_privilege_room_creators {
        return raised;
    }
    let level = |name: &str, default: i64| levels[name].as_i64().unwrap_or(default);
    let events = levels["events"].as_object().into_iter().flat_map(Map::values);
    let needed = events
        .filter_map(Value::as_i64)
        .chain([level("state_default", 50), level("ban", 50)])
        .max()
        .unwrap_or_default();
    let present = levels["users"][sender.as_str()].as_i64();
    if present.unwrap_or_else(|| level("users_default", 0)) < needed {
        raised["users"][sender.as_str()] = needed.into();
    }
    raised
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn numbers_in_text_become_numbers() {
        let mut levels = json!({ "ban": "50", "users": { "@a:b": " 100 " }, "kick": "x" });
        make_integers(&mut levels);
        assert_eq!(levels, json!({ "ban": 50, "users": { "@a:b": 100 }, "kick": "x" }));
    }

    #[test]
    fn the_sender_is_raised_only_where_levels_count() {
        let sender = user_id!("@a:example.org");
        let levels = json!({ "users": { sender: 50 }, "events": { "m.room.name": 70 } });
        let higher = raised(&levels, sender, &RoomVersionRules::V11);
        assert_eq!(higher["users"][sender.as_str()], 70);
        assert_eq!(raised(&levels, sender, &RoomVersionRules::V12), levels);
        let enough = json!({ "users": { sender: 100 } });
        assert_eq!(raised(&enough, sender, &RoomVersionRules::V11), enough);
    }
}
