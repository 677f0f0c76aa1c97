//! Messages that are older than their room wants are purged; state and the end of the room stay.

use hearth_tests::{
    Client, Server, Settings,
    rooms::{bodies, ids},
    wait,
};
use serde_json::json;

fn often() -> Settings {
    Settings::default().literal("retention.interval_ms", "50")
}

async fn wait_for_purge(client: &Client, room: &str, event: &str) {
    wait::until("the purge", || async {
        (client.event(room, event).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_room_says_how_long_its_messages_are_kept() {
    let server = Server::start_with(often()).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let kept_room = alice.create_room(json!({})).await;
    let kept = alice.say(&kept_room, "kept").await;
    let root = alice.say(&room, "root").await;
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let body = json!({ "msgtype": "m.text", "body": "reply" });
    let reply = bob.relate(&room, "m.room.message", relation, body).await;
    alice.put_state(&room, "m.room.retention", "", json!({ "max_lifetime": 1 })).await.ok();
    let last = bob.say(&room, "the last event stays").await;
    for event in [&root, &reply] {
        wait_for_purge(&bob, &room, event).await;
    }
    let left = bob.all_messages(&room, "b", 100, None).await;
    assert_eq!(bodies(&left), ["the last event stays"]);
    assert_eq!(ids(&left)[0], last);
    assert!(left.iter().any(|event| event["type"] == "m.room.create"), "{left:?}");
    let relations = format!("/_matrix/client/v1/rooms/{room}/relations/{root}");
    bob.get(&relations).await.assert_matrix_error(404, "M_NOT_FOUND");
    let threads = bob.get(&format!("/_matrix/client/v1/rooms/{room}/threads")).await.ok();
    assert_eq!(threads["chunk"], json!([]));
    bob.sync(None, 0).await;
    alice.event(&kept_room, &kept).await.ok();

    let next = bob.say(&room, "goes on").await;
    wait_for_purge(&bob, &room, &last).await;
    bob.event(&room, &next).await.ok();
}

#[tokio::test]
async fn the_administrator_sets_a_default_and_bounds() {
    let settings = often()
        .literal("retention.default_max_lifetime_ms", "1")
        .literal("retention.lowest_max_lifetime_ms", "86400000");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let path = "/_matrix/client/unstable/org.matrix.msc1763/retention/configuration";
    let configuration = alice.get(path).await.ok();
    assert_eq!(configuration["policies"]["*"]["max_lifetime"], json!(1));
    assert_eq!(configuration["limits"]["max_lifetime"], json!({ "min": 86_400_000 }));
    let policy = json!({ "type": "m.room.retention", "content": { "max_lifetime": 1 } });
    let bounded = alice.create_room(json!({ "initial_state": [policy] })).await;
    let kept = alice.say(&bounded, "a day is the least").await;
    alice.say(&bounded, "and on").await;
    let room = alice.create_room(json!({})).await;
    let gone = alice.say(&room, "not for long").await;
    alice.say(&room, "the end").await;
    wait_for_purge(&alice, &room, &gone).await;
    alice.event(&bounded, &kept).await.ok();
}
