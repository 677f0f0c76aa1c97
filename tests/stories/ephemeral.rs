//! What is not history: typing, receipts, read markers, presence.

use hearth_tests::{
    Client, Server,
    sync::{events, joined, next_batch, of_type},
};
use serde_json::{Value, json};

fn ephemeral<'a>(body: &'a Value, room: &str, kind: &str) -> Option<&'a Value> {
    of_type(events(&joined(body, room)["ephemeral"]), kind)
}

async fn typing(client: &Client, room: &str, is: bool) {
    let body = json!({ "typing": is, "timeout": 20_000 });
    let path = format!("/rooms/{room}/typing/{}", client.user);
    assert_eq!(client.put(&path, body).await.ok(), json!({}));
}

#[tokio::test]
async fn typing_starts_and_stops() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let who = |body: &Value| {
        ephemeral(body, &room, "m.typing").map(|event| event["content"]["user_ids"].clone())
    };
    typing(&alice, &room, true).await;
    let expected = Some(json!([alice.user]));
    let body = bob.sync_until(&since, |body| who(body) == expected).await;
    typing(&alice, &room, false).await;
    let since = next_batch(&body);
    bob.sync_until(&since, |body| who(body) == Some(json!([]))).await;
}

#[tokio::test]
async fn typing_runs_out() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let path = format!("/rooms/{room}/typing/{}", alice.user);
    alice.put(&path, json!({ "typing": true, "timeout": 300 })).await.ok();
    let users = |body: &Value| {
        ephemeral(body, &room, "m.typing").map(|event| event["content"]["user_ids"].clone())
    };
    let body = bob.sync_until(&since, |body| users(body).is_some()).await;
    if users(&body) != Some(json!([])) {
        bob.sync_until(&next_batch(&body), |body| users(body) == Some(json!([]))).await;
    }
}

#[tokio::test]
async fn nobody_types_for_another_or_from_outside() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let body = json!({ "typing": true, "timeout": 1_000 });
    let forged = bob.put(&format!("/rooms/{room}/typing/{}", alice.user), body.clone()).await;
    forged.assert_matrix_error(403, "M_FORBIDDEN");
    let outside = eve.put(&format!("/rooms/{room}/typing/{}", eve.user), body).await;
    outside.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_receipt_reaches_the_room_and_a_private_one_stays_private() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let first = alice.say(&room, "one").await;
    let second = alice.say(&room, "two").await;
    let (at_alice, at_bob) = (alice.now().await, bob.now().await);
    let receipt = |body: &Value, event: &str, kind: &str| {
        let content = ephemeral(body, &room, "m.receipt").map(|event| &event["content"]);
        content.map_or(Value::Null, |content| content[event][kind][&bob.user].clone())
    };
    let path = |kind: &str, event: &str| format!("/rooms/{room}/receipt/{kind}/{event}");
    bob.post(&path("m.read.private", &second), json!({})).await.ok();
    let body =
        bob.sync_until(&at_bob, |body| receipt(body, &second, "m.read.private").is_object()).await;
    assert!(receipt(&body, &second, "m.read.private")["ts"].is_u64());

    bob.post(&path("m.read", &first), json!({})).await.ok();
    let body =
        alice.sync_until(&at_alice, |body| receipt(body, &first, "m.read").is_object()).await;
    assert!(receipt(&body, &first, "m.read")["ts"].is_u64());
    assert!(!body.to_string().contains("m.read.private"), "{body}");
    let initial = alice.sync(None, 0).await;
    assert!(receipt(&initial, &first, "m.read").is_object(), "receipts are in an initial sync");
    assert!(!initial.to_string().contains("m.read.private"));
}

#[tokio::test]
async fn of_two_receipts_on_an_event_the_one_without_a_thread_is_shown() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    for order in [["main", ""], ["", "main"]] {
        let event = alice.say(&room, "read this").await;
        let since = alice.now().await;
        for thread in order {
            let body = if thread.is_empty() { json!({}) } else { json!({ "thread_id": thread }) };
            bob.post(&format!("/rooms/{room}/receipt/m.read/{event}"), body).await.ok();
        }
        let body = alice.sync(Some(&since), 0).await;
        let receipts = ephemeral(&body, &room, "m.receipt").expect("receipts");
        let receipt = &receipts["content"][&event]["m.read"][&bob.user];
        assert!(receipt["ts"].is_u64() && receipt.get("thread_id").is_none(), "{receipts}");
    }
}

#[tokio::test]
async fn receipts_for_foreign_events_are_refused() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let room = alice.create_room(json!({})).await;
    let own_room = eve.create_room(json!({})).await;
    let event = alice.say(&room, "secret").await;
    for target in [&room, &own_room] {
        let path = format!("/rooms/{target}/receipt/m.read/{event}");
        let reply = eve.post(&path, json!({})).await;
        assert!(matches!(reply.status, 400 | 403 | 404), "{}", reply.text());
        assert!(reply.json()["errcode"].is_string());
    }
}

#[tokio::test]
async fn read_markers_set_marker_and_receipts_together() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let event = alice.say(&room, "read this").await;
    let (at_alice, at_bob) = (alice.now().await, bob.now().await);
    let body = json!({ "m.fully_read": event, "m.read": event });
    let reply = bob.post(&format!("/rooms/{room}/read_markers"), body).await;
    assert_eq!(reply.ok(), json!({}));
    let marker = |body: &Value| {
        let account = events(&joined(body, &room)["account_data"]);
        of_type(account, "m.fully_read").map(|event| event["content"]["event_id"].clone())
    };
    let expected = Some(json!(event));
    bob.sync_until(&at_bob, |body| marker(body) == expected).await;
    let body =
        alice.sync_until(&at_alice, |body| ephemeral(body, &room, "m.receipt").is_some()).await;
    let receipts = ephemeral(&body, &room, "m.receipt").unwrap();
    assert!(receipts["content"][&event]["m.read"][&bob.user].is_object());
    assert_eq!(marker(&body), None, "the marker is the reader's own");
}

#[tokio::test]
async fn presence_is_set_read_and_synced_among_acquaintances() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let path = format!("/presence/{}/status", alice.user);
    let body = json!({ "presence": "unavailable", "status_msg": "at lunch" });
    assert_eq!(alice.put(&path, body).await.ok(), json!({}));
    let status = bob.get(&path).await.ok();
    assert_eq!(status["presence"], "unavailable");
    assert_eq!(status["status_msg"], "at lunch");
    let seen = |body: &Value| {
        events(&body["presence"]).iter().any(|event| {
            event["sender"] == alice.user.as_str()
                && event["content"]["status_msg"] == "at lunch"
                && event["content"]["presence"] == "unavailable"
        })
    };
    bob.sync_until(&since, seen).await;
    let forged = bob.put(&path, json!({ "presence": "online" })).await;
    forged.assert_matrix_error(403, "M_FORBIDDEN");
}
