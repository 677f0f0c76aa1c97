//! History visibility: who sees what, at each setting, by every way of reading.

use std::collections::BTreeSet;

use hearth_tests::{
    Client, Server,
    rooms::{bodies, history_visibility},
    sync::timeline,
};
use serde_json::json;

/// A room at one setting: a message before bob's invite, one while he is invited, one after his
/// join, one after he left. Returns the room and the four events.
async fn lived_through(alice: &Client, bob: &Client, setting: &str) -> (String, [String; 4]) {
    let visibility = history_visibility(setting);
    let room = alice.create_room(json!({ "initial_state": [visibility] })).await;
    let before = alice.say(&room, "before").await;
    alice.invite(&room, &bob.user).await;
    let invited = alice.say(&room, "invited").await;
    bob.join(&room).await;
    let joined = alice.say(&room, "joined").await;
    bob.leave(&room).await.ok();
    let left = alice.say(&room, "left").await;
    (room, [before, invited, joined, left])
}

/// What bob reads of the room's messages through `/messages`.
async fn read(bob: &Client, room: &str) -> BTreeSet<String> {
    let events = bob.all_messages(room, "b", 100, None).await;
    bodies(&events).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn each_setting_shows_its_part() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
    let table: [(&str, &[&str]); 4] = [
        ("joined", &["joined"]),
        ("invited", &["invited", "joined"]),
        ("shared", &["before", "invited", "joined"]),
        ("world_readable", &["before", "invited", "joined", "left"]),
    ];
    let names = ["before", "invited", "joined", "left"];
    for (setting, visible) in table {
        let (room, events) = lived_through(&alice, &bob, setting).await;
        let page = read(&bob, &room).await;
        // A departed member's page may end at the departure even where all may read on.
        let must: BTreeSet<String> = visible
            .iter()
            .filter(|name| **name != "left" || page.contains("left"))
            .map(|name| (*name).to_owned())
            .collect();
        assert_eq!(page, must, "/messages at {setting}");
        for (name, event) in names.iter().zip(&events) {
            let single = bob.event(&room, event).await;
            let context = bob.get(&format!("/rooms/{room}/context/{event}")).await;
            if visible.contains(name) {
                let found = (single.status, context.status);
                assert_eq!(found, (200, 200), "{name} at {setting}: {}", single.text());
                assert_eq!(single.json()["content"]["body"], *name, "{setting}");
                assert_eq!(context.json()["event"]["content"]["body"], *name, "{setting}");
            } else {
                single.assert_matrix_error(404, "M_NOT_FOUND");
                assert!(matches!(context.status, 403 | 404), "{setting}: {}", context.text());
            }
            let foreign = eve.event(&room, event).await;
            assert_eq!(foreign.status == 200, setting == "world_readable", "{setting}: {name}");
        }
    }
}

#[tokio::test]
async fn a_change_hides_nothing_that_was_shown() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    let content = json!({ "history_visibility": "joined" });
    alice.say(&room, "while shared").await;
    alice.put_state(&room, "m.room.history_visibility", "", content).await.ok();
    alice.say(&room, "while joined").await;
    bob.join(&room).await;
    alice.say(&room, "together").await;
    let seen = read(&bob, &room).await;
    let expected = BTreeSet::from(["together".to_owned(), "while shared".to_owned()]);
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn sync_shows_no_more_than_messages() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let visibility = history_visibility("joined");
    let options = json!({ "preset": "public_chat", "initial_state": [visibility] });
    let room = alice.create_room(options).await;
    alice.say(&room, "secret").await;
    bob.join(&room).await;
    alice.say(&room, "welcome").await;
    let body = bob.sync(None, 0).await;
    assert_eq!(bodies(timeline(&body, &room)), ["welcome"]);
    let prev_batch = body["rooms"]["join"][&room]["timeline"]["prev_batch"].as_str();
    let older = bob.all_messages(&room, "b", 10, prev_batch).await;
    assert!(!bodies(&older).contains(&"secret"));
}

#[tokio::test]
async fn relations_of_the_past_stay_hidden() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let visibility = history_visibility("joined");
    let options = json!({ "preset": "public_chat", "initial_state": [visibility] });
    let room = alice.create_room(options).await;
    let root = alice.say(&room, "root").await;
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let rest = json!({ "msgtype": "m.text", "body": "in private" });
    alice.relate(&room, "m.room.message", relation, rest).await;
    bob.join(&room).await;
    let path = format!("/_matrix/client/v1/rooms/{room}/relations/{root}");
    let reply = bob.get(&path).await;
    assert!(!reply.text().contains("in private"), "{}", reply.text());
    let threads = bob.get(&format!("/_matrix/client/v1/rooms/{room}/threads")).await.ok();
    assert_eq!(threads["chunk"], json!([]));
}

#[tokio::test]
async fn anyone_reads_the_state_of_a_world_readable_room() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let visibility = history_visibility("world_readable");
    let options = json!({ "name": "a stage", "initial_state": [visibility] });
    let room = alice.create_room(options).await;
    assert_eq!(eve.state(&room, "m.room.name", "").await.ok()["name"], "a stage");
    let closed = alice.create_room(json!({ "name": "a den" })).await;
    eve.state(&closed, "m.room.name", "").await.assert_matrix_error(403, "M_FORBIDDEN");
}
