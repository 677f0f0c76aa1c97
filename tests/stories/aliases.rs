//! Room aliases: made, followed, listed, removed.

use hearth_tests::{Server, client::encode, rooms::event_id};
use serde_json::json;

fn alias_path(alias: &str) -> String {
    format!("/directory/room/{}", encode(alias))
}

#[tokio::test]
async fn an_alias_leads_to_its_room() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    let path = alias_path("#fire:hearth.test");
    alice.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
    assert_eq!(alice.put(&path, json!({ "room_id": room })).await.ok(), json!({}));
    let found = server.anonymous().get(&path).await.ok();
    assert_eq!(found["room_id"], room.as_str());
    assert_eq!(found["servers"], json!(["hearth.test"]));
    let joined = bob.try_join("#fire:hearth.test").await.ok();
    assert_eq!(joined["room_id"], room.as_str());
    let listed = alice.get(&format!("/rooms/{room}/aliases")).await.ok();
    assert_eq!(listed["aliases"], json!(["#fire:hearth.test"]));
}

#[tokio::test]
async fn an_alias_is_taken_once_and_on_its_own_server() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let other = alice.create_room(json!({})).await;
    let path = alias_path("#fire:hearth.test");
    alice.put(&path, json!({ "room_id": room })).await.ok();
    let taken = alice.put(&path, json!({ "room_id": other })).await;
    assert_eq!(taken.status, 409, "{}", taken.text());
    assert!(taken.json()["errcode"].is_string());
    let elsewhere = alias_path("#fire:elsewhere.test");
    let foreign = alice.put(&elsewhere, json!({ "room_id": room })).await;
    assert!(matches!(foreign.status, 400 | 403), "{}", foreign.text());
    let malformed = alice.put(&alias_path("fire"), json!({ "room_id": room })).await;
    assert_eq!(malformed.status, 400, "{}", malformed.text());
}

#[tokio::test]
async fn its_maker_removes_an_alias_and_a_stranger_does_not() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let path = alias_path("#fire:hearth.test");
    alice.put(&path, json!({ "room_id": room })).await.ok();
    bob.delete(&path).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(alice.delete(&path).await.ok(), json!({}));
    alice.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
    alice.delete(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_canonical_alias_must_lead_here() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let other = alice.create_room(json!({ "room_alias_name": "elsewhere" })).await;
    assert_ne!(room, other);
    for (alias, code) in [
        ("#nowhere:hearth.test", "M_BAD_ALIAS"),
        ("#elsewhere:hearth.test", "M_BAD_ALIAS"),
        ("no alias", "M_INVALID_PARAM"),
    ] {
        let content = json!({ "alias": alias });
        let refused = alice.put_state(&room, "m.room.canonical_alias", "", content).await;
        refused.assert_matrix_error(400, code);
    }
    let path = alias_path("#here:hearth.test");
    alice.put(&path, json!({ "room_id": room })).await.ok();
    let content = json!({ "alias": "#here:hearth.test" });
    event_id(&alice.put_state(&room, "m.room.canonical_alias", "", content.clone()).await);
    assert_eq!(alice.state(&room, "m.room.canonical_alias", "").await.ok(), content);
}

#[tokio::test]
async fn aliases_are_listed_to_members() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let room = alice.create_room(json!({ "room_alias_name": "den" })).await;
    let refused = eve.get(&format!("/rooms/{room}/aliases")).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    let listed = alice.get(&format!("/rooms/{room}/aliases")).await.ok();
    assert_eq!(listed["aliases"], json!(["#den:hearth.test"]));
}
