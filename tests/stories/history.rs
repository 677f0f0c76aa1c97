//! History: pages both ways hold every event exactly once; context and time lead into it.

use std::collections::BTreeSet;

use hearth_tests::{
    Client, Server,
    rooms::{bodies, ids},
    sync::{next_batch, timeline},
};
use serde_json::json;

const MESSAGES: usize = 57;

async fn room_with_messages(alice: &Client) -> String {
    let room = alice.create_room(json!({})).await;
    for number in 0..MESSAGES {
        alice.say(&room, &number.to_string()).await;
    }
    room
}

fn numbers() -> Vec<String> {
    (0..MESSAGES).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn pages_hold_every_event_exactly_once() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = room_with_messages(&alice).await;
    for page in [1, 7, 100] {
        let forward = alice.all_messages(&room, "f", page, None).await;
        assert_eq!(bodies(&forward), numbers(), "pages of {page}");
        assert_eq!(forward[0]["type"], "m.room.create");
        let mut backward = alice.all_messages(&room, "b", page, None).await;
        backward.reverse();
        assert_eq!(ids(&forward), ids(&backward), "pages of {page}");
        let distinct: BTreeSet<&str> = ids(&forward).into_iter().collect();
        assert_eq!(distinct.len(), forward.len());
    }
}

#[tokio::test]
async fn a_page_can_be_walked_back() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = room_with_messages(&alice).await;
    let first = alice.messages(&room, &[("dir", "b"), ("limit", "10")]).await.ok();
    let end = first["end"].as_str().unwrap();
    let query = [("dir", "f"), ("limit", "10"), ("from", end)];
    let back = alice.messages(&room, &query).await.ok();
    let mut down = ids(first["chunk"].as_array().unwrap());
    down.reverse();
    assert_eq!(ids(back["chunk"].as_array().unwrap()), down);
    assert_eq!(back["start"], first["end"]);
}

#[tokio::test]
async fn a_page_stops_at_its_bound() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    alice.say(&room, "before").await;
    let bound = alice.now().await;
    for number in 0..5 {
        alice.say(&room, &number.to_string()).await;
    }
    let query = [("dir", "b"), ("to", bound.as_str()), ("limit", "100")];
    let body = alice.messages(&room, &query).await.ok();
    assert_eq!(bodies(body["chunk"].as_array().unwrap()), ["4", "3", "2", "1", "0"]);
}

#[tokio::test]
async fn a_limited_sync_joins_up_with_history() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = room_with_messages(&alice).await;
    let filter = json!({ "room": { "timeline": { "limit": 5 } } });
    let body = alice.sync_filtered(None, &filter).await;
    let recent = timeline(&body, &room);
    assert_eq!(bodies(recent), ["52", "53", "54", "55", "56"]);
    let section = &body["rooms"]["join"][&room]["timeline"];
    assert_eq!(section["limited"], json!(true));
    let prev_batch = section["prev_batch"].as_str().unwrap();
    let mut older = alice.all_messages(&room, "b", 9, Some(prev_batch)).await;
    older.reverse();
    older.extend(recent.iter().cloned());
    assert_eq!(bodies(&older), numbers());

    let since = next_batch(&body);
    alice.say(&room, "new").await;
    let newer = alice.all_messages(&room, "f", 9, Some(&since)).await;
    assert_eq!(bodies(&newer), ["new"]);
}

#[tokio::test]
async fn filters_choose_events() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    alice.say(&room, "by alice").await;
    bob.say(&room, "by bob").await;
    let media = json!({ "msgtype": "m.image", "body": "a picture", "url": "mxc://hearth.test/p" });
    alice.send(&room, "m.room.message", media).await;
    let page = async |filter: serde_json::Value| {
        let filter = filter.to_string();
        let query = [("dir", "f"), ("limit", "100"), ("filter", filter.as_str())];
        let body = alice.messages(&room, &query).await.ok();
        bodies(body["chunk"].as_array().unwrap()).join(", ")
    };
    assert_eq!(page(json!({ "senders": [bob.user] })).await, "by bob");
    assert_eq!(page(json!({ "not_senders": [bob.user] })).await, "by alice, a picture");
    assert_eq!(page(json!({ "contains_url": true })).await, "a picture");
    let types = json!({ "types": ["m.room.mess*"], "contains_url": false });
    assert_eq!(page(types).await, "by alice, by bob");
    assert_eq!(page(json!({ "not_types": ["m.room.message"] })).await, "");
}

#[tokio::test]
async fn context_surrounds_an_event() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "name": "then" })).await;
    let mut sent = Vec::new();
    for number in 0..10 {
        sent.push(alice.say(&room, &number.to_string()).await);
    }
    let path = format!("/rooms/{room}/context/{}?limit=4", sent[5]);
    let body = alice.get(&path).await.ok();
    assert_eq!(body["event"]["event_id"], sent[5].as_str());
    assert_eq!(bodies(body["events_before"].as_array().unwrap()), ["4", "3"]);
    assert_eq!(bodies(body["events_after"].as_array().unwrap()), ["6", "7"]);
    let state = body["state"].as_array().unwrap();
    assert!(state.iter().any(|event| event["content"]["name"] == "then"));
    let before = alice.all_messages(&room, "b", 5, body["start"].as_str()).await;
    assert_eq!(bodies(&before), ["2", "1", "0"]);
    let after = alice.all_messages(&room, "f", 5, body["end"].as_str()).await;
    assert_eq!(bodies(&after), ["8", "9"]);
    let unknown = alice.get(&format!("/rooms/{room}/context/$unknown")).await;
    unknown.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn bad_pages_are_refused() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let room = alice.create_room(json!({})).await;
    let token = alice.messages(&room, &[("dir", "b"), ("from", "nonsense")]).await;
    assert_eq!(token.status, 400, "{}", token.text());
    assert!(token.json()["errcode"].is_string());
    let direction = alice.messages(&room, &[("dir", "sideways")]).await;
    assert_eq!(direction.status, 400, "{}", direction.text());
    let outsider = eve.messages(&room, &[("dir", "b")]).await;
    outsider.assert_matrix_error(403, "M_FORBIDDEN");
}
