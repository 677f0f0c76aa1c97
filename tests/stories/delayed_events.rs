//! Delayed events: they are sent when their time has come, unless something happens before.

use hearth_tests::{Client, Reply, Server, sync::next_batch, wait};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
/// Longer than any story lasts.
const LONG_MS: u64 = 1_000_000;

async fn delay_message(client: &Client, room: &str, txn: &str, ms: u64, body: &str) -> Reply {
    let path = format!("/rooms/{room}/send/m.room.message/{txn}?org.matrix.msc4140.delay={ms}");
    client.put(&path, json!({ "msgtype": "m.text", "body": body })).await
}

async fn delay_state(client: &Client, room: &str, key: &str, ms: u64, content: Value) -> String {
    let path = format!("/rooms/{room}/state/org.example.call/{key}?org.matrix.msc4140.delay={ms}");
    id(&client.put(&path, content).await)
}

#[track_caller]
fn id(reply: &Reply) -> String {
    reply.ok()["delay_id"].as_str().expect("a delay id").to_owned()
}

async fn waiting(client: &Client) -> Vec<Value> {
    client.get(PATH).await.ok()["delayed_events"].as_array().unwrap().clone()
}

async fn act(client: &Client, id: &str, action: &str) -> Reply {
    client.anonymous().post(&format!("{PATH}/{id}/{action}"), json!({})).await
}

async fn until_nothing_waits(client: &Client) {
    wait::until("delayed events to be sent", || async {
        waiting(client).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn messages_come_in_the_order_of_their_times() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = alice.now().await;
    alice.anonymous().get(PATH).await.assert_matrix_error(401, "M_MISSING_TOKEN");
    for (txn, ms, body) in [("c", 900, "3"), ("a", 500, "1"), ("b", 700, "2")] {
        let first = id(&delay_message(&alice, &room, txn, ms, body).await);
        let again = id(&delay_message(&alice, &room, txn, ms, body).await);
        assert_eq!(first, again);
    }
    let listed = waiting(&alice).await;
    let bodies: Vec<_> = listed.iter().map(|event| event["content"]["body"].clone()).collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    let first = &listed[0];
    assert_eq!((&first["room_id"], &first["type"]), (&json!(room), &json!("m.room.message")));
    assert_eq!(first["delay"], json!(500));
    assert!(first["running_since"].is_u64() && first.get("state_key").is_none(), "{first}");
    assert!(waiting(&bob).await.is_empty());
    let single = format!("{PATH}/{}", first["delay_id"].as_str().unwrap());
    assert_eq!(alice.get(&single).await.ok(), *first);
    bob.get(&single).await.assert_matrix_error(404, "M_NOT_FOUND");

    until_nothing_waits(&alice).await;
    let sent = alice.all_messages(&room, "f", 10, Some(&since)).await;
    assert_eq!(hearth_tests::rooms::bodies(&sent), ["1", "2", "3"]);
    let id = |event: &Value| event["unsigned"]["org.matrix.msc4140.delay_id"].clone();
    assert_eq!(id(&sent[0]), first["delay_id"]);
    let event = sent[0]["event_id"].as_str().unwrap();
    assert_eq!(id(&bob.event(&room, event).await.ok()), Value::Null);
    let finished = alice.get(&single).await.ok();
    assert_eq!(finished["event_id"], sent[0]["event_id"]);
    assert!(finished["finalised_ts"].is_u64(), "{finished}");
}

#[tokio::test]
async fn whoever_knows_the_id_sends_restarts_or_cancels() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let kind = "org.example.call";
    for action in ["send", "cancel", "restart"] {
        act(&alice, "abc", action).await.assert_matrix_error(404, "M_NOT_FOUND");
    }
    act(&alice, "abc", "oops").await.assert_matrix_error(404, "M_UNRECOGNIZED");
    assert!(alice.post(&format!("{PATH}/abc"), json!({})).await.status >= 400);

    let sent = delay_state(&alice, &room, "sent", LONG_MS, json!({ "by": "request" })).await;
    alice.state(&room, kind, "sent").await.assert_matrix_error(404, "M_NOT_FOUND");
    assert_eq!(act(&alice, &sent, "send").await.ok(), json!({}));
    assert_eq!(alice.state(&room, kind, "sent").await.ok(), json!({ "by": "request" }));
    act(&alice, &sent, "send").await.ok();
    act(&alice, &sent, "cancel").await.assert_matrix_error(409, "M_UNKNOWN");

    let cancelled = delay_state(&alice, &room, "cancelled", LONG_MS, json!({})).await;
    act(&alice, &cancelled, "cancel").await.ok();
    act(&alice, &cancelled, "cancel").await.ok();
    act(&alice, &cancelled, "send").await.assert_matrix_error(409, "M_UNKNOWN");
    act(&alice, &cancelled, "restart").await.assert_matrix_error(409, "M_UNKNOWN");
    alice.state(&room, kind, "cancelled").await.assert_matrix_error(404, "M_NOT_FOUND");

    let restarted = delay_state(&alice, &room, "restarted", LONG_MS, json!({})).await;
    let since = |list: &[Value]| list[0]["running_since"].as_u64().unwrap();
    let before = since(&waiting(&alice).await);
    wait::until("a later restart", || async {
        act(&alice, &restarted, "restart").await.ok();
        (since(&waiting(&alice).await) > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn state_of_somebody_else_cancels_ones_own_does_not() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let levels = json!({ "events": { "org.example.call": 0 } });
    let options = json!({ "preset": "public_chat", "power_level_content_override": levels });
    let room = alice.create_room(options).await;
    bob.join(&room).await;
    let kind = "org.example.call";
    delay_state(&alice, &room, "a", LONG_MS, json!({ "end": true })).await;
    alice.put_state(&room, kind, "a", json!({ "of": "alice" })).await.ok();
    assert_eq!(waiting(&alice).await.len(), 1);
    bob.put_state(&room, kind, "other", json!({ "of": "bob" })).await.ok();
    assert_eq!(waiting(&alice).await.len(), 1);
    bob.put_state(&room, kind, "a", json!({ "of": "bob" })).await.ok();
    assert!(waiting(&alice).await.is_empty());
}

#[tokio::test]
async fn what_the_room_refuses_in_the_end_is_told() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let refused = id(&delay_message(&bob, &room, "1", 300, "too late").await);
    alice.moderate("kick", &room, &bob.user).await.ok();
    until_nothing_waits(&bob).await;
    let finished = bob.get(&format!("{PATH}/{refused}")).await.ok();
    assert!(finished["error"]["errcode"].is_string(), "{finished}");
    assert!(finished.get("event_id").is_none(), "{finished}");
    delay_message(&bob, &room, "2", 1, "out").await.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn delays_and_their_number_have_limits() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let path = format!("/rooms/{room}/send/m.room.message/neg?org.matrix.msc4140.delay=-1");
    alice.put(&path, json!({})).await.assert_matrix_error(400, "M_INVALID_PARAM");
    let long = delay_message(&alice, &room, "long", 1 << 50, "never").await;
    let body = long.assert_matrix_error(400, "M_UNKNOWN");
    assert_eq!(body["org.matrix.msc4140.errcode"], json!("M_MAX_DELAY_EXCEEDED"));
    assert!(body["org.matrix.msc4140.max_delay"].is_u64());
    for number in 0..100 {
        delay_message(&alice, &room, &number.to_string(), LONG_MS, "later").await.ok();
    }
    let many = delay_message(&alice, &room, "many", LONG_MS, "later").await;
    let body = many.assert_matrix_error(429, "M_LIMIT_EXCEEDED");
    assert!(body["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0), "{body}");
}

#[tokio::test]
async fn a_restart_of_the_server_loses_nothing() {
    let mut server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    delay_message(&alice, &room, "soon", 1, "due at once").await.ok();
    delay_message(&alice, &room, "while down", 300, "due while the server is down").await.ok();
    let late = id(&delay_message(&alice, &room, "late", LONG_MS, "late").await);
    server.kill();
    server.restart().await;
    let since = next_batch(&alice.sync(None, 0).await);
    wait::until("what was due to be sent", || async {
        let waiting = waiting(&alice).await;
        (waiting.len() == 1 && waiting[0]["delay_id"] == json!(late)).then_some(())
    })
    .await;
    act(&alice, &late, "send").await.ok();
    let sent = alice.all_messages(&room, "b", 100, None).await;
    let bodies = hearth_tests::rooms::bodies(&sent);
    assert_eq!(bodies, ["late", "due while the server is down", "due at once"]);
    assert!(!since.is_empty());
}
