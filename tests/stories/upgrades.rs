//! Room upgrades: what the new room has, what becomes of the old one, and what follows its users.

use hearth_tests::{Client, Server, client::encode};
use serde_json::{Value, json};

async fn upgrade(client: &Client, room: &str, body: Value) -> String {
    let body = client.post(&format!("/rooms/{room}/upgrade"), body).await.ok();
    body["replacement_room"].as_str().expect("a replacement_room").to_owned()
}

#[tokio::test]
async fn the_new_room_has_the_state_and_the_old_one_ends() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
    let old = alice
        .create_room(json!({
            "preset": "public_chat", "visibility": "public", "room_version": "10",
            "name": "Hall", "topic": "All of us", "room_alias_name": "hall",
            "creation_content": { "type": "m.space", "m.federate": false },
        }))
        .await;
    bob.join(&old).await;
    alice.moderate("ban", &old, &eve.user).await.ok();
    let child = json!({ "via": ["hearth.test"] });
    alice.put_state(&old, "m.space.child", "!child:hearth.test", child.clone()).await.ok();

    let new = upgrade(&alice, &old, json!({ "new_version": "11" })).await;
    let create = alice.state(&new, "m.room.create", "").await.ok();
    assert_eq!(create["room_version"], "11");
    assert_eq!(create["type"], "m.space");
    assert_eq!(create["m.federate"], json!(false));
    assert_eq!(create["predecessor"]["room_id"], old.as_str());
    assert!(create["predecessor"]["event_id"].is_string(), "{create}");
    assert_eq!(alice.state(&new, "m.room.name", "").await.ok()["name"], "Hall");
    assert_eq!(alice.state(&new, "m.room.topic", "").await.ok()["topic"], "All of us");
    assert_eq!(alice.state(&new, "m.room.join_rules", "").await.ok()["join_rule"], "public");
    assert_eq!(alice.state(&new, "m.space.child", "!child:hearth.test").await.ok(), child);
    let levels = alice.state(&new, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["users"], json!({ &alice.user: 100 }));
    assert_eq!(alice.membership(&new, &eve.user).await, "ban");
    eve.try_join(&new).await.assert_matrix_error(403, "M_FORBIDDEN");

    let tombstone = bob.state(&old, "m.room.tombstone", "").await.ok();
    assert_eq!(tombstone["replacement_room"], new.as_str());
    let levels = bob.state(&old, "m.room.power_levels", "").await.ok();
    assert_eq!((&levels["events_default"], &levels["invite"]), (&json!(50), &json!(50)));
    let late = bob.send_as(&old, "m.room.message", "late", json!({ "body": "late" })).await;
    late.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(alice.state(&old, "m.room.canonical_alias", "").await.ok(), json!({}));
    let alias = alice.state(&new, "m.room.canonical_alias", "").await.ok();
    assert_eq!(alias["alias"], "#hall:hearth.test");
    let found = bob.get("/directory/room/%23hall%3Ahearth.test").await.ok();
    assert_eq!(found["room_id"], new.as_str());
    let public = bob.get("/publicRooms").await.ok();
    assert_eq!(public["chunk"].as_array().unwrap().len(), 1);
    assert_eq!(public["chunk"][0]["room_id"], new.as_str());
    bob.join(&new).await;
}

#[tokio::test]
async fn only_the_powerful_upgrade_and_only_to_known_versions() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let path = format!("/rooms/{room}/upgrade");
    let refused = bob.post(&path, json!({ "new_version": "12" })).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    let unknown = alice.post(&path, json!({ "new_version": "twelve" })).await;
    unknown.assert_matrix_error(400, "M_UNSUPPORTED_ROOM_VERSION");
    alice.post(&path, json!({})).await.assert_matrix_error(400, "M_BAD_JSON");
    let missing = alice.post("/rooms/!nowhere:hearth.test/upgrade", json!({ "new_version": "12" }));
    missing.await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(alice.state(&room, "m.room.tombstone", "").await.status, 404);
}

#[tokio::test]
async fn creators_of_version_12_stand_above_the_levels() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    for (version, bobs) in [("11", 100), ("12", 150)] {
        let options = json!({ "preset": "public_chat", "room_version": version });
        let old = alice.create_room(options).await;
        bob.join(&old).await;
        let users = json!({ &bob.user: bobs, &carol.user: 50 });
        let levels = json!({ "users": users });
        alice.put_state(&old, "m.room.power_levels", "", levels).await.ok();
        let request = json!({ "new_version": "12", "additional_creators": [carol.user] });
        let new = upgrade(&bob, &old, request).await;
        let create = bob.state(&new, "m.room.create", "").await.ok();
        assert_eq!(create["additional_creators"], json!([carol.user]));
        assert_eq!(create["predecessor"], json!({ "room_id": old }));
        let levels = bob.state(&new, "m.room.power_levels", "").await.ok();
        assert_eq!(levels["users"], json!({}), "{version}");
        let named = json!({ "users": { &carol.user: 100 } });
        let named = bob.put_state(&new, "m.room.power_levels", "", named).await;
        assert_eq!(named.status, 400, "{}", named.text());
        let again = json!({ "room_version": "12", "more": true });
        let again = bob.put_state(&new, "m.room.create", "", again).await;
        assert_eq!(again.status, 400, "{}", again.text());
    }
}

async fn has_rule(client: &Client, room: &str) -> bool {
    client.get(&format!("/pushrules/global/room/{}", encode(room))).await.status == 200
}

#[tokio::test]
async fn push_rules_tags_and_direct_chats_follow_the_users() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    for by_hand in [false, true] {
        let old = alice.create_room_with(&[&bob]).await;
        for client in [&alice, &bob] {
            let rule = format!("/pushrules/global/room/{}", encode(&old));
            client.put(&rule, json!({ "actions": ["dont_notify"] })).await.ok();
            let tag = format!("/user/{}/rooms/{old}/tags/m.favourite", client.user);
            client.put(&tag, json!({ "order": 0.5 })).await.ok();
        }
        let direct = format!("/user/{}/account_data/m.direct", bob.user);
        bob.put(&direct, json!({ &alice.user: [old] })).await.ok();
        let new = if by_hand {
            let creation = json!({ "predecessor": { "room_id": old } });
            let options = json!({ "preset": "public_chat", "creation_content": creation });
            let new = alice.create_room(options).await;
            let tombstone = json!({ "body": "moved", "replacement_room": new });
            alice.put_state(&old, "m.room.tombstone", "", tombstone).await.ok();
            new
        } else {
            upgrade(&alice, &old, json!({ "new_version": "12" })).await
        };
        bob.join(&new).await;
        for client in [&alice, &bob] {
            assert!(has_rule(client, &new).await, "{} {by_hand}", client.user);
            let tags = format!("/user/{}/rooms/{new}/tags", client.user);
            assert!(client.get(&tags).await.ok()["tags"]["m.favourite"].is_object());
        }
        assert_eq!(bob.get(&direct).await.ok()[&alice.user], json!([old, new]));
    }
}

#[tokio::test]
async fn a_room_that_only_claims_a_predecessor_gets_nothing() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let old = alice.create_room(json!({ "preset": "public_chat" })).await;
    let rule = format!("/pushrules/global/room/{}", encode(&old));
    alice.put(&rule, json!({ "actions": ["dont_notify"] })).await.ok();
    let creation = json!({ "predecessor": { "room_id": old } });
    let options = json!({ "preset": "public_chat", "creation_content": creation });
    let claimed = eve.create_room(options).await;
    alice.join(&claimed).await;
    assert!(!has_rule(&alice, &claimed).await);
}
