//! Sticky events reach a client that comes back late, although its timeline is cut.

use hearth_tests::{
    Client, Server,
    rooms::{event_id, ids},
    sync::{events, joined, next_batch, timeline},
};
use serde_json::{Value, json};

async fn stick(client: &Client, room: &str, ms: i64) -> String {
    let txn = client.transaction();
    let query = format!("org.matrix.msc4354.sticky_duration_ms={ms}");
    let path = format!("/rooms/{room}/send/org.example.call/{txn}?{query}");
    event_id(&client.put(&path, json!({ "msc4354_sticky_key": "me" })).await)
}

fn sticky<'a>(body: &'a Value, room: &str) -> &'a [Value] {
    events(&joined(body, room)["msc4354_sticky"])
}

#[tokio::test]
async fn a_gap_in_the_timeline_hides_no_sticky_event() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let stuck = stick(&alice, &room, 600_000).await;
    let seen = bob.sync(Some(&since), 0).await;
    assert_eq!(ids(timeline(&seen, &room)), [&*stuck]);
    assert_eq!(sticky(&seen, &room), [] as [Value; 0]);
    let event = &timeline(&seen, &room)[0];
    assert_eq!(event["msc4354_sticky"], json!({ "duration_ms": 600_000 }));
    let left = event["unsigned"]["msc4354_sticky_duration_ttl_ms"].as_u64().unwrap();
    assert!(left > 0 && left <= 600_000, "{event}");

    for number in 0..12 {
        alice.say(&room, &number.to_string()).await;
    }
    let seen = bob.sync(Some(&since), 0).await;
    assert_eq!(timeline(&seen, &room).len(), 10);
    assert_eq!(ids(sticky(&seen, &room)), [&*stuck]);
    let seen = bob.sync(Some(&next_batch(&seen)), 0).await;
    assert_eq!(sticky(&seen, &room), [] as [Value; 0]);

    let carol = server.register("carol").await;
    let since = carol.now().await;
    carol.join(&room).await;
    let filter = json!({ "room": { "timeline": { "limit": 1 } } });
    let seen = carol.sync_filtered(Some(&since), &filter).await;
    assert_eq!(ids(sticky(&seen, &room)), [&*stuck]);
    alice.redact(&room, &stuck).await;
    let seen = bob.sync(None, 0).await;
    assert_eq!(sticky(&seen, &room), [] as [Value; 0]);
}

#[tokio::test]
async fn stickiness_ends_and_has_limits() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    for bad in [-1, 3_600_001] {
        let query = format!("org.matrix.msc4354.sticky_duration_ms={bad}");
        let path = format!("/rooms/{room}/send/org.example.call/bad?{query}");
        alice.put(&path, json!({})).await.assert_matrix_error(400, "M_INVALID_PARAM");
    }
    let path = format!("/rooms/{room}/state/org.example.call/me");
    let query = "org.matrix.msc4354.sticky_duration_ms=600000";
    let state = event_id(&alice.put(&format!("{path}?{query}"), json!({ "in": true })).await);
    stick(&alice, &room, 0).await;
    for number in 0..12 {
        alice.say(&room, &number.to_string()).await;
    }
    let seen = alice.sync(None, 0).await;
    assert_eq!(ids(sticky(&seen, &room)), [&*state]);
    let event = alice.event(&room, &state).await.ok();
    assert_eq!(event["msc4354_sticky"]["duration_ms"], json!(600_000));
}
