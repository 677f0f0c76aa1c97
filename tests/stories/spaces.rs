//! Spaces: walking through them, whom they show what, and summaries of rooms.

use hearth_tests::{Client, Server, rooms::initial_state};
use serde_json::{Value, json};

async fn space(client: &Client, name: &str, preset: &str) -> String {
    let creation = json!({ "type": "m.space" });
    let options = json!({ "name": name, "preset": preset, "creation_content": creation });
    client.create_room(options).await
}

async fn link(client: &Client, space: &str, child: &str, mut extra: Value) {
    extra["via"] = json!(["hearth.test"]);
    client.put_state(space, "m.space.child", child, extra).await.ok();
}

async fn hierarchy(client: &Client, root: &str, query: &str) -> Value {
    client.get(&path(root, query)).await.ok()
}

fn path(root: &str, query: &str) -> String {
    format!("/_matrix/client/v1/rooms/{root}/hierarchy?{query}")
}

fn rooms(body: &Value) -> Vec<&str> {
    let rooms = body["rooms"].as_array().unwrap().iter();
    rooms.map(|room| room["room_id"].as_str().unwrap()).collect()
}

fn children(body: &Value, at: usize) -> Vec<&str> {
    let children = body["rooms"][at]["children_state"].as_array().unwrap().iter();
    children.map(|child| child["state_key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_space_is_walked_depth_first_in_its_order() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let root = space(&alice, "Root", "public_chat").await;
    let below = space(&alice, "Below", "public_chat").await;
    let mut leaves = Vec::new();
    for name in ["a", "b", "c"] {
        leaves.push(alice.create_room(json!({ "name": name, "preset": "public_chat" })).await);
    }
    let [a, b, c] = &leaves[..] else { panic!("three rooms") };
    link(&alice, &root, a, json!({ "suggested": true })).await;
    link(&alice, &root, &below, json!({})).await;
    link(&alice, &root, b, json!({ "order": "z" })).await;
    link(&alice, &below, c, json!({})).await;
    link(&alice, &below, &root, json!({})).await;
    link(&alice, a, b, json!({})).await;
    link(&alice, &root, "!elsewhere:remote.test", json!({ "order": "a" })).await;

    let whole = hierarchy(&alice, &root, "").await;
    assert_eq!(rooms(&whole), [&root, b, a, &below, c], "{whole:#}");
    assert_eq!(children(&whole, 0), ["!elsewhere:remote.test", b, a, &below]);
    assert_eq!(children(&whole, 2), [""; 0], "not a space");
    let first = &whole["rooms"][0];
    assert_eq!((&first["name"], &first["room_type"]), (&json!("Root"), &json!("m.space")));
    assert!(first["children_state"][0]["origin_server_ts"].is_u64());
    assert!(whole.get("next_batch").is_none());

    assert_eq!(rooms(&hierarchy(&alice, &root, "max_depth=0").await), [&root]);
    assert_eq!(rooms(&hierarchy(&alice, &root, "max_depth=1").await), [&root, b, a, &below]);
    let suggested = hierarchy(&alice, &root, "suggested_only=true").await;
    assert_eq!(rooms(&suggested), [&root, a]);
    assert_eq!(children(&suggested, 0), [a]);

    alice.put_state(&root, "m.space.child", &below, json!({})).await.ok();
    assert_eq!(rooms(&hierarchy(&alice, &root, "").await), [&root, b, a]);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let root = space(&alice, "Root", "public_chat").await;
    let mut expected = vec![root.clone()];
    for _ in 0..5 {
        let room = alice.create_room(json!({ "preset": "public_chat" })).await;
        link(&alice, &root, &room, json!({})).await;
        expected.push(room);
    }
    let mut seen = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let body = hierarchy(&alice, &root, &query).await;
        seen.extend(rooms(&body).into_iter().map(str::to_owned));
        match body["next_batch"].as_str() {
            Some(next) => query = format!("limit=2&from={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    for bad in ["limit=0", "from=nonsense", &format!("{query}&max_depth=1"), "max_depth=-1"] {
        alice.get(&path(&root, bad)).await.assert_matrix_error(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn who_may_not_enter_a_room_does_not_see_it() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let root = space(&alice, "Root", "private_chat").await;
    let private = alice.create_room(json!({})).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": root }]);
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    let rule = initial_state("m.room.join_rules", rule);
    let restricted = alice.create_room(json!({ "initial_state": [rule] })).await;
    for room in [&private, &restricted] {
        link(&alice, &root, room, json!({})).await;
    }
    bob.get(&path(&root, "")).await.assert_matrix_error(403, "M_FORBIDDEN");
    bob.get(&path("!no:hearth.test", "")).await.assert_matrix_error(403, "M_FORBIDDEN");
    alice.invite(&root, &bob.user).await;
    assert_eq!(rooms(&hierarchy(&bob, &root, "").await), [&root], "not in the space yet");
    bob.join(&root).await;
    let body = hierarchy(&bob, &root, "").await;
    assert_eq!(rooms(&body), [&root, &restricted]);
    assert_eq!(body["rooms"][1]["allowed_room_ids"], json!([root]));
    alice.invite(&private, &bob.user).await;
    assert_eq!(rooms(&hierarchy(&bob, &root, "").await), [&root, &private, &restricted]);
    bob.join(&restricted).await;
    alice.moderate("ban", &restricted, &bob.user).await.ok();
    assert_eq!(rooms(&hierarchy(&bob, &root, "").await), [&root, &private]);
}

#[tokio::test]
async fn a_room_is_summarized_for_whom_it_is_open() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let options = json!({ "preset": "public_chat", "name": "Hall", "room_alias_name": "hall" });
    let room = alice.create_room(options).await;
    let private = alice.create_room(json!({})).await;
    let old = "/_matrix/client/unstable/im.nheko.summary";
    for path in [
        format!("/_matrix/client/v1/room_summary/{room}"),
        "/_matrix/client/v1/room_summary/%23hall%3Ahearth.test".to_owned(),
        format!("{old}/summary/{room}"),
        format!("{old}/rooms/{room}/summary"),
    ] {
        let summary = bob.get(&path).await.ok();
        assert_eq!((&summary["room_id"], &summary["name"]), (&json!(room), &json!("Hall")));
        let rule = summary.get("join_rule").unwrap_or(&json!("public")).clone();
        assert_eq!(rule, "public", "which may be left out");
        assert_eq!(summary["membership"], "leave");
        assert_eq!(summary["num_joined_members"], json!(1));
        let stranger = server.anonymous().get(&path).await.ok();
        assert!(stranger.get("membership").is_none(), "{stranger}");
    }
    let hidden = format!("/_matrix/client/v1/room_summary/{private}");
    bob.get(&hidden).await.assert_matrix_error(404, "M_NOT_FOUND");
    assert_eq!(alice.get(&hidden).await.ok()["membership"], "join");
}
