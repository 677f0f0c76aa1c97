//! Filters: stored, fetched, and applied to each part of a sync.

use hearth_tests::{
    Server,
    rooms::bodies,
    sync::{events, joined, of_type, state, timeline},
};
use serde_json::json;

#[tokio::test]
async fn a_filter_is_stored_and_used_by_its_id() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    alice.say(&room, "one").await;
    alice.say(&room, "two").await;
    let filter = json!({ "room": { "timeline": { "limit": 1 } } });
    let path = format!("/user/{}/filter", alice.user);
    let stored = alice.post(&path, filter).await.ok();
    let id = stored["filter_id"].as_str().unwrap();
    assert!(!id.starts_with('{'));
    let fetched = alice.get(&format!("{path}/{id}")).await.ok();
    assert_eq!(fetched["room"]["timeline"]["limit"], json!(1));
    let body = alice.sync_query(&[("filter", id)]).await.ok();
    assert_eq!(bodies(timeline(&body, &room)), ["two"]);

    alice.get(&format!("{path}/987654321")).await.assert_matrix_error(404, "M_NOT_FOUND");
    let bob = server.register("bob").await;
    let foreign = bob.get(&format!("{path}/{id}")).await;
    assert!(matches!(foreign.status, 403 | 404), "{}", foreign.text());
}

#[tokio::test]
async fn rooms_are_chosen() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let one = alice.create_room(json!({})).await;
    let two = alice.create_room(json!({})).await;
    let only = alice.sync_filtered(None, &json!({ "room": { "rooms": [one] } })).await;
    assert!(joined(&only, &one).is_object() && joined(&only, &two).is_null());
    let without = alice.sync_filtered(None, &json!({ "room": { "not_rooms": [one] } })).await;
    assert!(joined(&without, &one).is_null() && joined(&without, &two).is_object());
}

#[tokio::test]
async fn events_are_chosen_by_type_and_sender() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    alice.say(&room, "by alice").await;
    bob.say(&room, "by bob").await;
    let filter = json!({
        "room": {
            "timeline": { "types": ["m.room.message"], "not_senders": [alice.user] },
            "state": { "types": ["m.room.create"] },
        },
    });
    let body = alice.sync_filtered(None, &filter).await;
    assert_eq!(bodies(timeline(&body, &room)), ["by bob"]);
    assert_eq!(timeline(&body, &room).len(), 1);
    let kinds: Vec<_> = state(&body, &room).iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, [&json!("m.room.create")]);
}

#[tokio::test]
async fn account_data_ephemeral_and_presence_are_filtered() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let path = format!("/user/{}/account_data", alice.user);
    alice.put(&format!("{path}/org.example.a"), json!({ "x": 1 })).await.ok();
    alice.put(&format!("{path}/org.example.b"), json!({ "x": 2 })).await.ok();
    let event = alice.say(&room, "read").await;
    alice.post(&format!("/rooms/{room}/receipt/m.read/{event}"), json!({})).await.ok();
    let filter = json!({
        "account_data": { "types": ["org.example.a"] },
        "presence": { "types": [] },
        "room": { "ephemeral": { "not_types": ["m.receipt"] } },
    });
    let body = alice.sync_filtered(None, &filter).await;
    let account = events(&body["account_data"]);
    assert!(of_type(account, "org.example.a").is_some());
    assert!(of_type(account, "org.example.b").is_none());
    assert!(events(&body["presence"]).is_empty());
    let ephemeral = events(&joined(&body, &room)["ephemeral"]);
    assert!(of_type(ephemeral, "m.receipt").is_none());
}

#[tokio::test]
async fn bad_filters_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = format!("/user/{}/filter", alice.user);
    for bad in [json!({ "room": 7 }), json!({ "room": { "timeline": { "limit": "ten" } } })] {
        let reply = alice.post(&path, bad.clone()).await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.text());
        assert!(reply.json()["errcode"].is_string());
    }
    let unparsable = alice.sync_query(&[("filter", "{broken")]).await;
    assert_eq!(unparsable.status, 400, "{}", unparsable.text());
}
