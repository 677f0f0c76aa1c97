//! Names and avatars, and how they reach the rooms.

use hearth_tests::{
    Server,
    sync::{of_state, timeline},
};
use serde_json::json;

#[tokio::test]
async fn a_profile_is_public() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let path = format!("/profile/{}", alice.user);
    let name = json!({ "displayname": "Alice A." });
    assert_eq!(alice.put(&format!("{path}/displayname"), name.clone()).await.ok(), json!({}));
    let avatar = json!({ "avatar_url": "mxc://hearth.test/face" });
    assert_eq!(alice.put(&format!("{path}/avatar_url"), avatar.clone()).await.ok(), json!({}));

    assert_eq!(bob.get(&format!("{path}/displayname")).await.ok(), name);
    assert_eq!(bob.get(&format!("{path}/avatar_url")).await.ok(), avatar);
    let whole = bob.get(&path).await.ok();
    assert_eq!(whole["displayname"], "Alice A.");
    assert_eq!(whole["avatar_url"], "mxc://hearth.test/face");
    bob.get("/profile/@nobody:hearth.test").await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn only_the_user_changes_the_profile() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let path = format!("/profile/{}/displayname", alice.user);
    let refused = bob.put(&path, json!({ "displayname": "Mallory" })).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    let nobody = server.anonymous().put(&path, json!({ "displayname": "Mallory" })).await;
    nobody.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn a_new_name_reaches_the_rooms() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let path = format!("/profile/{}/displayname", alice.user);
    alice.put(&path, json!({ "displayname": "Queen of Hearts" })).await.ok();
    let body = bob
        .sync_until(&since, |body| {
            of_state(timeline(body, &room), "m.room.member", &alice.user).is_some()
        })
        .await;
    let event = of_state(timeline(&body, &room), "m.room.member", &alice.user).unwrap();
    assert_eq!(event["content"]["displayname"], "Queen of Hearts");
    assert_eq!(event["content"]["membership"], "join");
}

#[tokio::test]
async fn a_joining_user_brings_the_profile() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = format!("/profile/{}/displayname", alice.user);
    alice.put(&path, json!({ "displayname": "Alice" })).await.ok();
    let room = alice.create_room(json!({})).await;
    let content = alice.state(&room, "m.room.member", &alice.user).await.ok();
    assert_eq!(content["displayname"], "Alice");
}

#[tokio::test]
async fn other_fields_are_kept_and_removed() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = format!("/profile/{}/m.tz", alice.user);
    assert_eq!(alice.put(&path, json!({ "m.tz": "Europe/Rome" })).await.ok(), json!({}));
    assert_eq!(alice.get(&path).await.ok()["m.tz"], "Europe/Rome");
    assert_eq!(alice.delete(&path).await.ok(), json!({}));
    alice.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn fields_have_names_of_the_grammar_and_a_size() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = |field: &str| format!("/profile/{}/{field}", alice.user);
    let put = async |field: &str, value: serde_json::Value| {
        alice.put(&path(field), json!({ field: value })).await
    };
    let any = json!({ "nested": [1, null, { "deep": true }] });
    put("org.example.anything", any.clone()).await.ok();
    let seen = alice.get(&path("org.example.anything")).await.ok();
    assert_eq!(seen, json!({ "org.example.anything": any }));
    put("tz", json!("x")).await.assert_matrix_error(400, "M_INVALID_PARAM");
    put("Org.Example", json!("x")).await.assert_matrix_error(400, "M_INVALID_PARAM");
    let long = format!("org.example.{}", "x".repeat(250));
    put(&long, json!("x")).await.assert_matrix_error(400, "M_KEY_TOO_LARGE");
    let large = put("org.example.large", json!("x".repeat(66_000))).await;
    large.assert_matrix_error(400, "M_PROFILE_TOO_LARGE");
    let other = alice.put(&path("org.example.a"), json!({ "org.example.b": 1 })).await;
    other.assert_matrix_error(400, "M_MISSING_PARAM");
    assert_eq!(alice.delete(&path("org.example.never_there")).await.ok(), json!({}));
}
