//! What is said in rooms, and reading it.

use serde_json::{Value, json};

use super::{bodies, new_room, say};
use crate::testing::server;

#[tokio::test]
async fn a_message_is_sent_once_and_read_in_order() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "public_chat" })).await;
    let first = say(&alice, &room, "1", "one").await;
    assert_eq!(say(&alice, &room, "1", "one").await, first);
    for body in ["two", "three", "four"] {
        say(&alice, &room, body, body).await;
    }
    let at = |rest: &str| format!("v3/rooms/{room}/{rest}");
    let filter =
        "filter=%7B%22types%22%3A%5B%22m.room.message%22%5D%2C%22lazy_load_members%22%3Atrue%7D";
    let page = alice.ok("GET", &at(&format!("messages?dir=b&limit=3&{filter}")), Value::Null).await;
    assert_eq!(bodies(&page["chunk"]), ["four", "three", "two"]);
    assert_eq!(page["state"][0]["state_key"], json!(alice.user));
    let from = page["end"].as_str().unwrap();
    let path = at(&format!("messages?dir=b&from={from}&{filter}"));
    let rest = alice.ok("GET", &path, Value::Null).await;
    assert_eq!((bodies(&rest["chunk"]), rest.get("end")), (vec!["one"], None));

    let context = alice.ok("GET", &at(&format!("context/{first}?limit=3")), Value::Null).await;
    assert_eq!(bodies(&context["events_after"]), ["two", "three"]);
    assert_eq!(context["events_before"].as_array().unwrap().len(), 1);
    assert_eq!(context["event"]["event_id"], json!(first));

    bob.refused("GET", &at("messages?dir=b"), Value::Null, 403, "M_FORBIDDEN").await;
    bob.refused("GET", &at(&format!("event/{first}")), Value::Null, 404, "M_NOT_FOUND").await;
    bob.refused("PUT", &at("send/m.room.message/9"), json!({}), 403, "M_FORBIDDEN").await;
    let large = json!({ "body": "x".repeat(66_000) });
    alice.refused("PUT", &at("send/m.room.message/9"), large, 413, "M_TOO_LARGE").await;
    alice.refused("PUT", &at("send/m.room.message/9"), json!([]), 400, "M_BAD_JSON").await;
    alice.refused("GET", &at("messages?dir=b&from=x"), Value::Null, 400, "M_INVALID_PARAM").await;
}

#[tokio::test]
async fn reactions_threads_and_redactions() {
    let server = server();
    let alice = server.client("alice").await;
    let room = new_room(&alice, json!({})).await;
    let root = say(&alice, &room, "1", "root").await;
    let at = |rest: &str| format!("v3/rooms/{room}/{rest}");
    let relates = |rel_type: &str, key: Value| {
        let relation = json!({ "rel_type": rel_type, "event_id": root, "key": key });
        json!({ "m.relates_to": relation })
    };
    let like = relates("m.annotation", json!("+"));
    let reaction = alice.ok("PUT", &at("send/m.reaction/2"), like.clone()).await;
    alice.refused("PUT", &at("send/m.reaction/3"), like, 400, "M_DUPLICATE_ANNOTATION").await;
    alice.ok("PUT", &at("send/m.room.message/4"), relates("m.thread", Value::Null)).await;
    let path = format!("v1/rooms/{room}/relations/{root}");
    let all = alice.ok("GET", &path, Value::Null).await;
    assert_eq!(all["chunk"].as_array().unwrap().len(), 2);
    let likes = alice.ok("GET", &format!("{path}/m.annotation/m.reaction"), Value::Null).await;
    assert_eq!(likes["chunk"][0]["event_id"], reaction["event_id"]);
    let threads = alice.ok("GET", &format!("v1/rooms/{room}/threads"), Value::Null).await;
    assert_eq!(threads["chunk"][0]["event_id"], json!(root));

    let path = at(&format!("redact/{root}/5"));
    let redaction = alice.ok("PUT", &path, json!({ "reason": "oops" })).await;
    assert_eq!(alice.ok("PUT", &path, json!({})).await, redaction);
    let event = alice.ok("GET", &at(&format!("event/{root}")), Value::Null).await;
    assert_eq!(event["content"], json!({}));
    assert_eq!(event["unsigned"]["redacted_because"]["event_id"], redaction["event_id"]);
}

#[tokio::test]
async fn members_are_told_to_members() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "public_chat" })).await;
    let at = |rest: &str| format!("v3/rooms/{room}/{rest}");
    let before = alice.ok("GET", "v3/sync", Value::Null).await;
    bob.refused("GET", &at("joined_members"), Value::Null, 403, "M_FORBIDDEN").await;
    bob.ok("POST", &at("join"), json!({})).await;
    let joined = alice.ok("GET", &at("joined_members"), Value::Null).await;
    assert_eq!(joined["joined"][bob.user.as_str()]["display_name"], "bob");
    bob.ok("POST", &at("leave"), json!({})).await;
    for (query, count) in [
        (String::new(), 2),
        ("?membership=leave".to_owned(), 1),
        ("?not_membership=leave".to_owned(), 1),
        (format!("?at={}", before["next_batch"].as_str().unwrap()), 1),
    ] {
        let members = alice.ok("GET", &at(&format!("members{query}")), Value::Null).await;
        assert_eq!(members["chunk"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn reading_and_typing_are_told() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "public_chat" })).await;
    bob.ok("POST", &format!("v3/join/{room}"), json!({})).await;
    let event = say(&alice, &room, "1", "hello").await;
    let since = alice.ok("GET", "v3/sync", Value::Null).await;
    let at = |rest: &str| format!("v3/rooms/{room}/{rest}");
    bob.ok("POST", &at(&format!("receipt/m.read/{event}")), json!({})).await;
    bob.ok("POST", &at("read_markers"), json!({ "m.fully_read": event })).await;
    bob.ok("POST", &at(&format!("receipt/m.fully_read/{event}")), json!({})).await;
    let path = at(&format!("receipt/m.fully_read/{event}"));
    bob.refused("POST", &path, json!({ "thread_id": "main" }), 400, "M_INVALID_PARAM").await;
    let path = at(&format!("receipt/m.read/{event}"));
    bob.refused("POST", &path, json!({ "thread_id": "x" }), 400, "M_INVALID_PARAM").await;
    let path = at(&format!("receipt/m.other/{event}"));
    bob.refused("POST", &path, json!({}), 400, "M_INVALID_PARAM").await;
    let typing = json!({ "typing": true, "timeout": 3_000 });
    let path = at(&format!("typing/{}", alice.user));
    bob.refused("PUT", &path, typing.clone(), 403, "M_FORBIDDEN").await;
    bob.ok("PUT", &at(&format!("typing/{}", bob.user)), typing).await;

    let since = since["next_batch"].as_str().unwrap();
    let news = alice.ok("GET", &format!("v3/sync?since={since}"), Value::Null).await;
    let ephemeral = news["rooms"]["join"][&room]["ephemeral"]["events"].to_string();
    assert!(ephemeral.contains("m.typing") && ephemeral.contains("m.receipt"), "{news}");
    let mine = bob.ok("GET", "v3/sync", Value::Null).await;
    let data = mine["rooms"]["join"][&room]["account_data"].to_string();
    assert!(data.contains("m.fully_read"), "{data}");
    alice.refused("GET", "v3/sync?since=x", Value::Null, 400, "M_INVALID_PARAM").await;
    alice.refused("GET", "v3/sync?filter=none", Value::Null, 400, "M_INVALID_PARAM").await;
}

#[tokio::test]
async fn a_time_leads_to_an_event() {
    let server = server();
    let alice = server.client("alice").await;
    let room = new_room(&alice, json!({})).await;
    let clock = server.api.rooms.clock();
    let mut times = Vec::new();
    for body in ["one", "two", "three"] {
        clock.advance(std::time::Duration::from_secs(10));
        times.push((clock.now_ms(), say(&alice, &room, body, body).await));
    }
    let (second, wanted) = &times[1];
    for (ts, dir) in [(second - 5, "f"), (*second, "f"), (*second, "b"), (second + 5, "b")] {
        let path = format!("v1/rooms/{room}/timestamp_to_event?ts={ts}&dir={dir}");
        let found = alice.ok("GET", &path, Value::Null).await;
        assert_eq!(found["event_id"], json!(wanted), "{ts} {dir}");
    }
    for (ts, dir) in [(clock.now_ms() + 1, "f"), (5, "b")] {
        let path = format!("v1/rooms/{room}/timestamp_to_event?ts={ts}&dir={dir}");
        alice.refused("GET", &path, Value::Null, 404, "M_NOT_FOUND").await;
    }
}
