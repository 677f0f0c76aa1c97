//! The push rules that everybody has from the beginning (specification 1.19, predefined rules),
//! and those for polls (MSC3930).

use ruma::{
    UserId,
    push::{ConditionalPushRule, EventMatchConditionData, PushCondition, Ruleset},
};

/// The default rules of a user.
pub(crate) fn default_push_rules(user: &UserId) -> Ruleset {
    let mut rules = Ruleset::server_default(user);
    rules.override_ = rules.override_.into_iter().map(with_matched_type).collect();
    rules.underride = rules.underride.into_iter().map(with_matched_type).collect();
    rules
}

/// MSC3930 matches the types of polls by `event_match`, which clients look for.
fn with_matched_type(mut rule: ConditionalPushRule) -> ConditionalPushRule {
    for condition in &mut rule.conditions {
        if let PushCondition::EventPropertyIs(data) = condition
            && data.key == "type"
            && let Some(kind) = data.value.as_str()
        {
            let data = EventMatchConditionData::new(data.key.clone(), kind.to_owned());
            *condition = PushCondition::EventMatch(data);
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::{Value, json};

    use super::*;

    fn rule(id: &str, enabled: bool, conditions: Value, actions: Value) -> Value {
        json!({
            "rule_id": id,
            "default": true,
            "enabled": enabled,
            "conditions": conditions,
            "actions": actions,
        })
    }

    fn matching(key: &str, pattern: &str) -> Value {
        json!({ "kind": "event_match", "key": key, "pattern": pattern })
    }

    fn two() -> Value {
        json!({ "kind": "room_member_count", "is": "2" })
    }

    fn sound(sound: &str) -> Value {
        json!(["notify", { "set_tweak": "sound", "value": sound }])
    }

    fn overrides() -> Value {
        let user = "@alice:example.org";
        let highlight = json!({ "set_tweak": "highlight" });
        let mention = json!({
            "kind": "event_property_contains",
            "key": r"content.m\.mentions.user_ids",
            "value": user,
        });
        let room_mention = json!({
            "kind": "event_property_is",
            "key": r"content.m\.mentions.room",
            "value": true,
        });
        let permission = json!({ "kind": "sender_notification_permission", "key": "room" });
        let edit = json!({
            "kind": "event_property_is",
            "key": r"content.m\.relates_to.rel_type",
            "value": "m.replace",
        });
        let (kind, member) = (|kind| matching("type", kind), matching("type", "m.room.member"));
        let invite = matching("content.membership", "invite");
        let (empty, silent) = (matching("state_key", ""), json!([]));
        let loud = json!(["notify", { "set_tweak": "sound", "value": "default" }, highlight]);
        let shown = json!(["notify", highlight]);
        json!([
            rule(".m.rule.master", false, json!([]), json!([])),
            rule(
                ".m.rule.suppress_notices",
                true,
                json!([matching("content.msgtype", "m.notice")]),
                silent.clone()
            ),
            rule(
                ".m.rule.invite_for_me",
                true,
                json!([member, invite, matching("state_key", user)]),
                sound("default")
            ),
            rule(".m.rule.member_event", true, json!([member]), silent.clone()),
            rule(".m.rule.is_user_mention", true, json!([mention]), loud),
            rule(".m.rule.is_room_mention", true, json!([room_mention, permission]), shown.clone()),
            rule(".m.rule.tombstone", true, json!([kind("m.room.tombstone"), empty]), shown),
            rule(".m.rule.reaction", true, json!([kind("m.reaction")]), silent.clone()),
            rule(
                ".m.rule.room.server_acl",
                true,
                json!([kind("m.room.server_acl"), empty]),
                silent.clone()
            ),
            rule(".m.rule.suppress_edits", true, json!([edit]), silent.clone()),
            rule(
                ".org.matrix.msc3930.rule.poll_response",
                true,
                json!([kind("org.matrix.msc3381.poll.response")]),
                silent
            ),
        ])
    }

    fn underrides() -> Value {
        let kind = |kind| matching("type", kind);
        let default = sound("default");
        let (start, end) =
            (kind("org.matrix.msc3381.poll.start"), kind("org.matrix.msc3381.poll.end"));
        let poll = |name: &str| format!(".org.matrix.msc3930.rule.{name}");
        json!([
            rule(".m.rule.call", true, json!([kind("m.call.invite")]), sound("ring")),
            rule(
                ".m.rule.encrypted_room_one_to_one",
                true,
                json!([two(), kind("m.room.encrypted")]),
                default.clone()
            ),
            rule(
                ".m.rule.room_one_to_one",
                true,
                json!([two(), kind("m.room.message")]),
                default.clone()
            ),
            rule(".m.rule.message", true, json!([kind("m.room.message")]), json!(["notify"])),
            rule(".m.rule.encrypted", true, json!([kind("m.room.encrypted")]), json!(["notify"])),
            rule(&poll("poll_start_one_to_one"), true, json!([two(), start]), default.clone()),
            rule(&poll("poll_start"), true, json!([start]), json!(["notify"])),
            rule(&poll("poll_end_one_to_one"), true, json!([two(), end]), default),
            rule(&poll("poll_end"), true, json!([end]), json!(["notify"])),
        ])
    }

    #[test]
    fn the_rules_are_those_of_the_specification() {
        let rules = default_push_rules(user_id!("@alice:example.org"));
        let json = serde_json::to_value(&rules).unwrap();
        assert_eq!(json["override"], overrides());
        assert_eq!(json["underride"], underrides());
        assert!(json.get("content").is_none() && json.get("room").is_none());
    }
}
