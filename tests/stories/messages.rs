//! Sending: what comes back is what went in, once a transaction id, until it is redacted.

use hearth_tests::{
    Server,
    rooms::{event_id, ids},
    sync::{of_type, timeline},
};
use serde_json::json;

#[tokio::test]
async fn a_message_arrives_whole() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let content = json!({
        "msgtype": "m.text",
        "body": "grüße 🔥",
        "org.example.extra": { "deep": [1, null, { "x": false }] },
    });
    let sent = alice.send(&room, "m.room.message", content.clone()).await;
    let body = bob.sync_event(&since, &room, &sent).await;
    let event = of_type(timeline(&body, &room), "m.room.message").unwrap();
    assert_eq!(event["content"], content);
    assert_eq!(event["sender"], alice.user.as_str());
    assert!(event["origin_server_ts"].as_u64().is_some_and(|ts| ts > 1_600_000_000_000));
    assert!(event["unsigned"].get("transaction_id").is_none(), "another's transaction: {event}");
    for internal in ["auth_events", "prev_events", "hashes", "signatures", "depth"] {
        assert!(event.get(internal).is_none(), "{internal} in {event}");
    }
    let single = bob.event(&room, &sent).await.ok();
    assert_eq!(single["content"], content);
    assert_eq!(single["room_id"], room.as_str());
}

#[tokio::test]
async fn a_transaction_id_sends_once_a_device() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let tablet = alice.another_device().await;
    let room = alice.create_room(json!({})).await;
    let other_room = alice.create_room(json!({})).await;
    let content = |text: &str| json!({ "msgtype": "m.text", "body": text });
    let first = event_id(&alice.send_as(&room, "m.room.message", "same", content("a")).await);
    let again = event_id(&alice.send_as(&room, "m.room.message", "same", content("b")).await);
    assert_eq!(first, again);
    let device = event_id(&tablet.send_as(&room, "m.room.message", "same", content("c")).await);
    assert_ne!(first, device);
    let elsewhere =
        event_id(&alice.send_as(&other_room, "m.room.message", "same", content("d")).await);
    assert_ne!(first, elsewhere);

    let messages = alice.all_messages(&room, "f", 50, None).await;
    let sent: Vec<&str> = messages
        .iter()
        .filter(|event| event["type"] == "m.room.message")
        .map(|event| event["content"]["body"].as_str().unwrap())
        .collect();
    assert_eq!(sent, ["a", "c"]);
}

#[tokio::test]
async fn parallel_resends_send_once() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let content = json!({ "msgtype": "m.text", "body": "once" });
    let sends = (0..8).map(|_| alice.send_as(&room, "m.room.message", "same", content.clone()));
    let replies = futures::future::join_all(sends).await;
    let first = event_id(&replies[0]);
    assert!(replies.iter().all(|reply| event_id(reply) == first));
    let messages = alice.all_messages(&room, "b", 50, None).await;
    assert_eq!(ids(&messages).iter().filter(|id| **id == first).count(), 1);
}

#[tokio::test]
async fn the_sender_sees_its_transaction_id() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let tablet = alice.another_device().await;
    let room = alice.create_room(json!({})).await;
    let (here, there) = (alice.now().await, tablet.now().await);
    let content = json!({ "msgtype": "m.text", "body": "echo" });
    let sent = event_id(&alice.send_as(&room, "m.room.message", "mine-1", content).await);
    let body = alice.sync_event(&here, &room, &sent).await;
    let own = of_type(timeline(&body, &room), "m.room.message").unwrap();
    assert_eq!(own["unsigned"]["transaction_id"], "mine-1");
    let body = tablet.sync_event(&there, &room, &sent).await;
    let foreign = of_type(timeline(&body, &room), "m.room.message").unwrap();
    assert!(foreign["unsigned"].get("transaction_id").is_none(), "{foreign}");
}

#[tokio::test]
async fn a_redaction_takes_the_content_away() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let sent = alice.say(&room, "a slip").await;
    let since = bob.now().await;
    let redaction = alice.redact(&room, &sent).await;
    let body = bob.sync_event(&since, &room, &redaction).await;
    let event = of_type(timeline(&body, &room), "m.room.redaction").unwrap();
    assert_eq!(event["content"]["redacts"], sent.as_str());
    assert_eq!(event["redacts"], sent.as_str());
    assert_eq!(event["content"]["reason"], "no longer wanted");

    let redacted = bob.event(&room, &sent).await.ok();
    assert_eq!(redacted["content"], json!({}));
    assert_eq!(redacted["unsigned"]["redacted_because"]["event_id"], redaction.as_str());
    let page = bob.all_messages(&room, "b", 50, None).await;
    let in_history = page.iter().find(|event| event["event_id"] == sent.as_str()).unwrap();
    assert_eq!(in_history["content"], json!({}));
}

#[tokio::test]
async fn only_the_powerful_redact_others() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let by_alice = alice.say(&room, "hers").await;
    let by_bob = bob.say(&room, "his").await;
    let path = format!("/rooms/{room}/redact/{by_alice}/t1");
    bob.put(&path, json!({})).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(alice.event(&room, &by_alice).await.ok()["content"]["body"], "hers");
    alice.redact(&room, &by_bob).await;
    assert_eq!(alice.event(&room, &by_bob).await.ok()["content"], json!({}));
}

#[tokio::test]
async fn a_redaction_is_sent_once_a_transaction() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let sent = alice.say(&room, "a slip").await;
    let path = format!("/rooms/{room}/redact/{sent}/same");
    let first = event_id(&alice.put(&path, json!({})).await);
    assert_eq!(first, event_id(&alice.put(&path, json!({})).await));
}

#[tokio::test]
async fn unknown_events_and_rooms_are_not_found() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let other = alice.create_room(json!({})).await;
    let sent = alice.say(&room, "here").await;
    alice.event(&room, "$unknown").await.assert_matrix_error(404, "M_NOT_FOUND");
    alice.event(&other, &sent).await.assert_matrix_error(404, "M_NOT_FOUND");
    let nowhere = alice.send_as("!nowhere:hearth.test", "m.room.message", "t", json!({})).await;
    assert!(matches!(nowhere.status, 403 | 404), "{}", nowhere.text());
}
