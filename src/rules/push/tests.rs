//! Rules on events.

use ruma::{RoomVersionId, push::NewPushRule, user_id};
use serde_json::{Value, json};

use super::*;
use crate::{
    Pdu,
    test_room::{ALICE, BOB, TestRoom},
};

fn room() -> TestRoom {
    TestRoom::new(&RoomVersionId::V11, "public")
}

fn rules(user_id: &UserId, override_: Value) -> PushRules {
    let ruleset: Ruleset = serde_json::from_value(json!({ "override": [{
        "rule_id": "one",
        "default": false,
        "enabled": true,
        "conditions": override_,
        "actions": ["notify"],
    }] }))
    .unwrap();
    PushRules::new(user_id, &ruleset)
}

/// Whether the conditions hold for Bob, who is called Bobby, in a room of three.
fn holds(pdu: &Pdu, conditions: Value) -> bool {
    let bob = <&UserId>::try_from(BOB).unwrap();
    let room = room();
    let levels = room.power_levels();
    let look = PushRoom { member_count: 3, levels: Some(&levels) };
    let member = PushMember { user_id: bob, display_name: Some("Bob*by"), subscribed: Some(true) };
    rules(bob, conditions).evaluate(&PushEvent::new(pdu), look, member).is_some()
}

fn condition(kind: &str, key: &str, name: &str, value: Value) -> Value {
    json!({ "kind": kind, "key": key, (name): value })
}

#[test]
fn each_condition_holds_where_it_should() {
    let pdu = room().build(
        ALICE,
        "m.room.message",
        None,
        json!({
            "body": "Dear bob*by, cake",
            "m.mentions": { "user_ids": [BOB, 7, { "deep": 1 }], "room": true },
            "number": 7,
            "nothing": null,
            "text": "Some Text",
        }),
    );
    let matching = |key, pattern: &str| condition("event_match", key, "pattern", json!(pattern));
    let is = |key, value| condition("event_property_is", key, "value", value);
    let has = |key, value| condition("event_property_contains", key, "value", value);
    let count = |is: &str| json!({ "kind": "room_member_count", "is": is });
    let mentioned = r"content.m\.mentions.user_ids";
    for (condition, expected) in [
        (matching("type", "M.ROOM.message"), true),
        (matching("type", "m.room"), false),
        (matching("content.body", "cake"), true),
        (matching("content.body", "cak"), false),
        (matching("content.text", "some*"), true),
        (matching("content.text", "text"), false),
        (matching("content.number", "*"), false),
        (matching("content.absent", "*"), false),
        (matching("state_key", ""), false),
        (matching("room_id", "!*"), true),
        (matching("sender", ALICE), true),
        (matching("sender", BOB), false),
        (is("content.number", json!(7)), true),
        (is("content.number", json!("7")), false),
        (is("content.nothing", json!(null)), true),
        (is("content.absent", json!(null)), false),
        (is("content.text", json!("some text")), false),
        (is(r"content.m\.mentions.room", json!(true)), true),
        (has(mentioned, json!(BOB)), true),
        (has(mentioned, json!(7)), true),
        (has(mentioned, json!(ALICE)), false),
        (has("content.text", json!("Some Text")), false),
        (json!({ "kind": "contains_display_name" }), true),
        (count("3"), true),
        (count("==2"), false),
        (count(">2"), true),
        (count("<=2"), false),
        (json!({ "kind": "sender_notification_permission", "key": "room" }), true),
        (json!({ "kind": "sender_notification_permission", "key": "unknown" }), false),
        (json!({ "kind": "io.element.msc4306.thread_subscription", "subscribed": true }), true),
        (json!({ "kind": "io.element.msc4306.thread_subscription", "subscribed": false }), false),
        (json!({ "kind": "unheard_of" }), false),
    ] {
        assert_eq!(holds(&pdu, json!([condition])), expected, "{condition}");
    }
    assert!(holds(&pdu, json!([])));
    assert!(!holds(&pdu, json!([count("3"), count("4")])));
}

#[test]
fn what_one_sends_never_notifies() {
    let pdu = room().build(BOB, "m.room.message", None, json!({ "body": "x" }));
    assert!(!holds(&pdu, json!([])));
}

#[test]
fn a_sender_without_the_level_does_not_notify_the_room() {
    let pdu = room().build("@eve:hearth.test", "m.room.message", None, json!({}));
    let condition = json!({ "kind": "sender_notification_permission", "key": "room" });
    assert!(!holds(&pdu, json!([condition])));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let bob = user_id!("@bob:hearth.test");
    let mut ruleset = Ruleset::server_default(bob);
    let event = |body: &str| room().build(ALICE, "m.room.message", None, json!({ "body": body }));
    let outcome = |ruleset: &Ruleset, pdu: &Pdu| {
        let rules = PushRules::new(bob, ruleset);
        let room = PushRoom { member_count: 3, levels: None };
        let member = PushMember { user_id: bob, display_name: None, subscribed: None };
        rules.evaluate(&PushEvent::new(pdu), room, member).cloned()
    };
    let plain = outcome(&ruleset, &event("cake")).unwrap();
    assert_eq!((plain.highlight, plain.actions.as_str()), (false, r#"["notify"]"#));
    let cake = json!({
        "rule_id": "cake",
        "pattern": "cake",
        "actions": ["notify", "coalesce", { "set_tweak": "highlight" }],
    });
    let cake = NewPushRule::Content(serde_json::from_value(cake).unwrap());
    ruleset.insert(cake, None, None).unwrap();
    let loud = outcome(&ruleset, &event("more cake")).unwrap();
    assert!(loud.highlight);
    assert_eq!(loud.actions, r#"["notify",{"set_tweak":"highlight"}]"#);
    let silent = json!({ "rule_id": "silent", "conditions": [], "actions": ["dont_notify"] });
    let silent = NewPushRule::Override(serde_json::from_value(silent).unwrap());
    ruleset.insert(silent, None, None).unwrap();
    assert_eq!(outcome(&ruleset, &event("more cake")), None);
    ruleset.set_enabled(ruma::push::RuleKind::Override, "silent", false).unwrap();
    assert!(outcome(&ruleset, &event("more cake")).is_some());
}

#[test]
fn users_with_the_default_rules_share_them() {
    let of = |user: &str| {
        let user = <&UserId>::try_from(user).unwrap();
        PushRules::new(user, &Ruleset::server_default(user))
    };
    assert_eq!(of(ALICE), of(BOB));
    assert!(!of(ALICE).need_display_name());
}
