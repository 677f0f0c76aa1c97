//! Unread counts, by the user's push rules and read receipts.

use hearth_tests::{
    Client, Server,
    sync::{joined, next_batch},
};
use serde_json::{Value, json};

fn counts(body: &Value, room: &str) -> (i64, i64) {
    let unread = &joined(body, room)["unread_notifications"];
    let count = |key: &str| unread[key].as_i64().unwrap_or(-1);
    (count("notification_count"), count("highlight_count"))
}

/// Syncs on until the room shows these counts, and returns the token after them.
async fn sync_counts(reader: &Client, since: &str, room: &str, expected: (i64, i64)) -> String {
    next_batch(&reader.sync_until(since, |body| counts(body, room) == expected).await)
}

async fn read(reader: &Client, room: &str, event: &str, kind: &str) {
    let path = format!("/rooms/{room}/receipt/{kind}/{event}");
    assert_eq!(reader.post(&path, json!({})).await.ok(), json!({}));
}

#[tokio::test]
async fn messages_count_until_they_are_read() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    alice.say(&room, "one").await;
    let second = alice.say(&room, "two").await;
    let since = sync_counts(&bob, &since, &room, (2, 0)).await;
    alice.say(&room, "three").await;
    let since = sync_counts(&bob, &since, &room, (3, 0)).await;
    read(&bob, &room, &second, "m.read").await;
    sync_counts(&bob, &since, &room, (1, 0)).await;
    assert_eq!(counts(&bob.sync(None, 0).await, &room), (1, 0));
}

#[tokio::test]
async fn a_mention_highlights() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let content = json!({
        "msgtype": "m.text", "body": "you there?", "m.mentions": { "user_ids": [bob.user] },
    });
    alice.send(&room, "m.room.message", content).await;
    let since = sync_counts(&bob, &since, &room, (1, 1)).await;
    let content = json!({ "msgtype": "m.text", "body": "all", "m.mentions": { "room": true } });
    let last = alice.send(&room, "m.room.message", content).await;
    let since = sync_counts(&bob, &since, &room, (2, 2)).await;
    read(&bob, &room, &last, "m.read.private").await;
    sync_counts(&bob, &since, &room, (0, 0)).await;
}

#[tokio::test]
async fn ones_own_messages_and_notices_do_not_count() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    alice.say(&room, "hello").await;
    bob.say(&room, "hello yourself").await;
    let since = bob.now().await;
    alice.send(&room, "m.room.message", json!({ "msgtype": "m.notice", "body": "beep" })).await;
    let body = bob.sync_until(&since, |body| joined(body, &room).is_object()).await;
    assert_eq!(counts(&body, &room), (0, 0), "speaking is reading, and a notice is silent");
}

#[tokio::test]
async fn a_muted_room_counts_nothing() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let rule = json!({ "actions": [] });
    bob.put(&format!("/pushrules/global/room/{room}"), rule).await.ok();
    let since = bob.now().await;
    alice.say(&room, "psst").await;
    let body = bob.sync_until(&since, |body| joined(body, &room)["timeline"].is_object()).await;
    assert_eq!(counts(&body, &room), (0, 0));
}

#[tokio::test]
async fn threads_count_apart_when_asked() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let root = alice.say(&room, "root").await;
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let rest = json!({ "msgtype": "m.text", "body": "inside" });
    let inside = alice.relate(&room, "m.room.message", relation, rest).await;
    let filter = json!({ "room": { "timeline": { "unread_thread_notifications": true } } });
    let body = bob.sync_filtered(None, &filter).await;
    assert_eq!(counts(&body, &room), (1, 0), "the main timeline");
    let threads = &joined(&body, &room)["unread_thread_notifications"];
    assert_eq!(threads[&root]["notification_count"], json!(1), "{body:#}");
    assert_eq!(counts(&bob.sync(None, 0).await, &room), (2, 0), "together when not asked");

    let path = format!("/rooms/{room}/receipt/m.read/{inside}");
    bob.post(&path, json!({ "thread_id": root })).await.ok();
    let body = bob.sync_filtered(None, &filter).await;
    assert_eq!(counts(&body, &room), (1, 0));
    let threads = &joined(&body, &room)["unread_thread_notifications"];
    assert!(threads[&root]["notification_count"].as_i64().unwrap_or(0) == 0, "{threads}");
}
