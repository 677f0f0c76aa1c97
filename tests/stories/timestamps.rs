//! Finding the event of a moment: the nearest in each direction, and only for those who may see it.

use hearth_tests::{Client, Reply, Server};
use serde_json::{Value, json};

async fn nearest(client: &Client, room: &str, ts: u64, direction: &str) -> Reply {
    let query = format!("ts={ts}&dir={direction}");
    client.get(&format!("/_matrix/client/v1/rooms/{room}/timestamp_to_event?{query}")).await
}

async fn sent_at(client: &Client, room: &str, event: &str) -> u64 {
    client.event(room, event).await.ok()["origin_server_ts"].as_u64().unwrap()
}

/// Says something later than what was said before.
async fn say_later(client: &Client, room: &str, text: &str, before: u64) -> (String, u64) {
    hearth_tests::wait::until("a later moment", || async {
        let event = client.say(room, text).await;
        let ts = sent_at(client, room, &event).await;
        (ts > before + 1).then_some((event, ts))
    })
    .await
}

#[tokio::test]
async fn the_nearest_event_is_found_in_both_directions() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let (first, first_ts) = say_later(&alice, &room, "first", 0).await;
    let (last, last_ts) = say_later(&alice, &room, "last", first_ts).await;
    let found = async |ts, direction| nearest(&alice, &room, ts, direction).await.ok();
    let expected = |event: &str, ts: u64| json!({ "event_id": event, "origin_server_ts": ts });
    assert_eq!(found(last_ts, "f").await, expected(&last, last_ts));
    assert_eq!(found(last_ts + 1_000, "b").await, expected(&last, last_ts));
    let between: Value = found(first_ts, "b").await;
    assert_eq!(between["origin_server_ts"], json!(first_ts), "{between} or {first}");
    let refused = nearest(&alice, &room, last_ts + 1_000, "f").await;
    refused.assert_matrix_error(404, "M_NOT_FOUND");
    nearest(&alice, &room, 1, "b").await.assert_matrix_error(404, "M_NOT_FOUND");
    nearest(&alice, &room, 1, "x").await.assert_matrix_error(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let visibility = json!({
        "type": "m.room.history_visibility",
        "content": { "history_visibility": "joined" },
    });
    let options = json!({ "preset": "public_chat", "initial_state": [visibility] });
    let room = alice.create_room(options).await;
    let (hidden, hidden_ts) = say_later(&alice, &room, "before bob", 0).await;
    nearest(&bob, &room, hidden_ts, "f").await.assert_matrix_error(403, "M_FORBIDDEN");
    let nowhere = nearest(&bob, "!nowhere:hearth.test", hidden_ts, "f").await;
    nowhere.assert_matrix_error(403, "M_FORBIDDEN");
    bob.join(&room).await;
    let found = nearest(&bob, &room, hidden_ts, "f").await.ok();
    assert_ne!(found["event_id"], json!(hidden));
    bob.event(&room, found["event_id"].as_str().unwrap()).await.ok();
    bob.leave(&room).await.ok();
    let left = bob.sync(None, 0).await;
    assert!(left["next_batch"].is_string());
    let (after, after_ts) = say_later(&alice, &room, "after bob", hidden_ts).await;
    let found = nearest(&bob, &room, after_ts, "f").await;
    found.assert_matrix_error(404, "M_NOT_FOUND");
    assert_eq!(nearest(&alice, &room, after_ts, "f").await.ok()["event_id"], json!(after));
}
