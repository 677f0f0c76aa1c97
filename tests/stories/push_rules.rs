//! Push rules: the defaults, and adding, changing, ordering, switching, deleting one's own.

use hearth_tests::{
    Client, Server,
    sync::{events, of_type},
};
use serde_json::{Value, json};

async fn ids(client: &Client, kind: &str) -> Vec<String> {
    let body = client.get("/pushrules/global/").await.ok();
    let rules = body[kind].as_array().unwrap().iter();
    rules.map(|rule| rule["rule_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn everybody_starts_with_the_defaults() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let body = alice.get("/pushrules/").await.ok();
    let overrides = body["global"]["override"].as_array().unwrap();
    let id = |rule: &Value| rule["rule_id"].as_str().unwrap().to_owned();
    let names: Vec<String> = overrides.iter().map(id).collect();
    assert_eq!(names[0], ".m.rule.master");
    assert_eq!(overrides[0]["enabled"], json!(false));
    for expected in [
        ".m.rule.suppress_notices",
        ".m.rule.invite_for_me",
        ".m.rule.member_event",
        ".m.rule.is_user_mention",
        ".m.rule.is_room_mention",
        ".m.rule.tombstone",
        ".m.rule.reaction",
        ".m.rule.room.server_acl",
        ".m.rule.suppress_edits",
    ] {
        assert!(names.iter().any(|name| name == expected), "no {expected} in {names:?}");
    }
    let underrides: Vec<String> =
        body["global"]["underride"].as_array().unwrap().iter().map(id).collect();
    for expected in [
        ".m.rule.call",
        ".m.rule.encrypted_room_one_to_one",
        ".m.rule.room_one_to_one",
        ".m.rule.message",
        ".m.rule.encrypted",
    ] {
        assert!(underrides.iter().any(|name| name == expected), "no {expected}");
    }
    let initial = alice.sync(None, 0).await;
    let synced = of_type(events(&initial["account_data"]), "m.push_rules").unwrap();
    assert_eq!(synced["content"], body);
}

#[tokio::test]
async fn a_rule_is_made_read_changed_and_deleted() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = "/pushrules/global/content/cake";
    let rule = json!({ "pattern": "c?ke", "actions": ["notify"] });
    assert_eq!(alice.put(path, rule).await.ok(), json!({}));
    let made = alice.get(path).await.ok();
    let expected = json!({
        "rule_id": "cake", "default": false, "enabled": true,
        "pattern": "c?ke", "actions": ["notify"],
    });
    assert_eq!(made, expected);
    let actions = json!({ "actions": [{ "set_tweak": "highlight" }] });
    alice.put(&format!("{path}/actions"), actions.clone()).await.ok();
    assert_eq!(alice.get(&format!("{path}/actions")).await.ok(), actions);
    alice.put(&format!("{path}/enabled"), json!({ "enabled": false })).await.ok();
    let enabled = alice.get(&format!("{path}/enabled")).await.ok();
    assert_eq!(enabled, json!({ "enabled": false }));
    assert_eq!(alice.delete(path).await.ok(), json!({}));
    alice.get(path).await.assert_matrix_error(404, "M_NOT_FOUND");
    alice.delete(path).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn rules_are_put_in_order() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let rule = json!({ "pattern": "x", "actions": [] });
    for name in ["a", "b"] {
        alice.put(&format!("/pushrules/global/content/{name}"), rule.clone()).await.ok();
    }
    let own = async || {
        let ids = ids(&alice, "content").await;
        ids.into_iter().filter(|id| !id.starts_with('.')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(own().await, "b a");
    alice.put("/pushrules/global/content/c?after=b", rule.clone()).await.ok();
    assert_eq!(own().await, "b c a");
    alice.put("/pushrules/global/content/d?before=b", rule.clone()).await.ok();
    assert_eq!(own().await, "d b c a");
    alice.put("/pushrules/global/content/a?before=d", rule.clone()).await.ok();
    assert_eq!(own().await, "a d b c");
    let lost = alice.put("/pushrules/global/content/e?before=nothing", rule).await;
    assert!(matches!(lost.status, 400 | 404), "{}", lost.text());
    assert_eq!(own().await, "a d b c");
}

#[tokio::test]
async fn a_default_rule_can_be_switched_but_not_replaced() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = "/pushrules/global/override/.m.rule.master";
    alice.put(&format!("{path}/enabled"), json!({ "enabled": true })).await.ok();
    assert_eq!(alice.get(path).await.ok()["enabled"], json!(true));
    let rule = json!({ "conditions": [], "actions": [] });
    let replaced = alice.put(path, rule).await;
    assert_eq!(replaced.status, 400, "{}", replaced.text());
    let deleted = alice.delete(path).await;
    assert!(matches!(deleted.status, 400 | 404), "{}", deleted.text());
    assert_eq!(ids(&alice, "override").await[0], ".m.rule.master");
}

#[tokio::test]
async fn a_change_is_synced() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let tablet = alice.another_device().await;
    let since = tablet.now().await;
    let rule = json!({ "actions": [] });
    alice.put("/pushrules/global/sender/@spam:hearth.test", rule).await.ok();
    let body = tablet
        .sync_until(&since, |body| of_type(events(&body["account_data"]), "m.push_rules").is_some())
        .await;
    let synced = of_type(events(&body["account_data"]), "m.push_rules").unwrap();
    let rules = &synced["content"]["global"]["sender"];
    assert_eq!(rules[0]["rule_id"], "@spam:hearth.test");
}

#[tokio::test]
async fn bad_rules_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let table = [
        ("/pushrules/global/nonsense/x", json!({ "actions": [] })),
        ("/pushrules/global/content/.x", json!({ "pattern": "x", "actions": [] })),
        ("/pushrules/global/content/x", json!({ "actions": [] })),
        ("/pushrules/global/override/x", json!({ "conditions": 7, "actions": [] })),
    ];
    for (path, rule) in table {
        let refused = alice.put(path, rule).await;
        assert!(matches!(refused.status, 400 | 404), "{path}: {}", refused.text());
        assert!(refused.json()["errcode"].is_string());
    }
    let missing = alice.get("/pushrules/global/content/none").await;
    missing.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn pushers_are_kept() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    assert_eq!(alice.get("/pushers").await.ok()["pushers"], json!([]));
}
