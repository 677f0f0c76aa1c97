//! Limits: sizes, depth, lengths; and that the server stays well after being tried.

use hearth_tests::{Client, Server, Settings, session::PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};

async fn still_well(client: &Client, room: &str) {
    let event = client.say(room, "still here").await;
    assert_eq!(client.event(room, &event).await.ok()["content"]["body"], "still here");
}

#[tokio::test]
async fn an_event_has_a_largest_size() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let text = |length: usize| json!({ "msgtype": "m.text", "body": "x".repeat(length) });
    let fits = alice.send(&room, "m.room.message", text(60_000)).await;
    let body = alice.event(&room, &fits).await.ok();
    assert_eq!(body["content"]["body"].as_str().unwrap().len(), 60_000);
    for length in [65_536, 100_000, 1_000_000] {
        let txn = format!("t{length}");
        let reply = alice.send_as(&room, "m.room.message", &txn, text(length)).await;
        reply.assert_matrix_error(413, "M_TOO_LARGE");
    }
    let state = alice.put_state(&room, "org.example.large", "", text(66_000)).await;
    state.assert_matrix_error(413, "M_TOO_LARGE");
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let body = format!("{{\"x\":\"{}\"}}", "y".repeat(20 * 1024 * 1024));
    let path = format!("/rooms/{room}/send/org.example.x/t");
    let request = alice.request(Method::PUT, &path).body(body);
    // The server may close the connection while the client is still writing.
    if let Ok(reply) = alice.attempt(request).await {
        reply.assert_matrix_error(413, "M_TOO_LARGE");
    }
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn identifiers_have_a_largest_length() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let long = "k".repeat(300);
    let content = json!({ "x": 1 });
    let key = alice.put_state(&room, "org.example.x", &long, content.clone()).await;
    let kind = alice.send_as(&room, &long, "t1", content).await;
    for reply in [key, kind] {
        assert!(matches!(reply.status, 400 | 413), "{}", reply.text());
        assert!(reply.json()["errcode"].is_string());
    }
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn depth_is_limited() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let path = format!("/rooms/{room}/send/org.example.x/t");
    let reply = alice.raw(Method::PUT, &path, &deep).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.json()["errcode"].is_string());
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn numbers_that_events_cannot_hold_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    for (index, number) in
        ["1.5", "9007199254740993", "1e400", "-9007199254740993"].iter().enumerate()
    {
        let path = format!("/rooms/{room}/send/org.example.x/t{index}");
        let reply = alice.raw(Method::PUT, &path, &format!("{{\"n\":{number}}}")).await;
        assert_eq!(reply.status, 400, "{number}: {}", reply.text());
        assert!(reply.json()["errcode"].is_string());
    }
    let edge = json!({ "n": 9_007_199_254_740_991_i64, "m": -9_007_199_254_740_991_i64 });
    let event = alice.send(&room, "org.example.x", edge.clone()).await;
    assert_eq!(alice.event(&room, &event).await.ok()["content"], edge);
}

#[tokio::test]
async fn pages_have_a_largest_size() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    still_well(&alice, &room).await;
    let query = [("dir", "b"), ("limit", "4000000000")];
    let body = alice.messages(&room, &query).await.ok();
    assert!(body["chunk"].as_array().is_some_and(|chunk| chunk.len() <= 1_000));
    let query = [("dir", "b"), ("limit", "0")];
    let body = alice.messages(&room, &query).await.ok();
    assert!(body["chunk"].as_array().is_some_and(Vec::is_empty), "{body}");
}

#[tokio::test]
async fn a_password_has_a_largest_length() {
    let server = Server::start().await;
    let body = json!({
        "username": "alice", "password": "x".repeat(100_000), "auth": { "type": "m.login.dummy" },
    });
    let reply = server.anonymous().post("/register", body).await;
    reply.assert_matrix_error(413, "M_TOO_LARGE");
    server.register("alice").await;
    let login = server.anonymous().try_login("alice", &"x".repeat(100_000)).await;
    assert!(matches!(login.status, 403 | 413), "{}", login.text());
    assert!(login.json()["errcode"].is_string());
}

#[tokio::test]
async fn rates_are_limited_when_that_is_on() {
    let settings = Settings::default()
        .literal("rate_limit.enabled", "true")
        .literal("rate_limit.logins", "{ per_second = 0.001, burst = 3 }")
        .literal("rate_limit.messages", "{ per_second = 0.001, burst = 3 }");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let content = json!({ "msgtype": "m.text", "body": "again" });
    let mut limited: Option<Value> = None;
    for number in 0..10 {
        let txn = format!("m{number}");
        let reply = alice.send_as(&room, "m.room.message", &txn, content.clone()).await;
        if reply.status == 429 {
            limited = Some(reply.assert_matrix_error(429, "M_LIMIT_EXCEEDED"));
            assert!(reply.header("retry-after").parse::<u64>().is_ok());
            break;
        }
    }
    let limited = limited.expect("ten messages in a row are too many");
    assert!(limited["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0), "{limited}");

    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(server.anonymous().try_login("alice", PASSWORD).await.status);
    }
    assert_eq!(statuses[0], 200);
    assert_eq!(statuses[5], 429, "{statuses:?}");
}
