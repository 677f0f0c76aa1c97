//! `createRoom`: presets, options, and what each writes into the room's state.

use hearth_tests::Server;
use serde_json::{Value, json};

#[tokio::test]
async fn presets_choose_who_comes_in() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let table = [
        ("private_chat", "invite", "shared", "can_join"),
        ("trusted_private_chat", "invite", "shared", "can_join"),
        ("public_chat", "public", "shared", "forbidden"),
    ];
    for (preset, join_rule, visibility, guests) in table {
        let room = alice.create_room(json!({ "preset": preset })).await;
        let rule = alice.state(&room, "m.room.join_rules", "").await.ok();
        assert_eq!(rule["join_rule"], join_rule, "{preset}");
        let history = alice.state(&room, "m.room.history_visibility", "").await.ok();
        assert_eq!(history["history_visibility"], visibility, "{preset}");
        let access = alice.state(&room, "m.room.guest_access", "").await;
        match access.status {
            // Without the event guests are forbidden, too.
            404 => assert_eq!(guests, "forbidden", "{preset}"),
            _ => assert_eq!(access.ok()["guest_access"], guests, "{preset}"),
        }
    }
}

#[tokio::test]
async fn visibility_chooses_the_preset_and_the_directory() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let public = alice.create_room(json!({ "visibility": "public" })).await;
    let private = alice.create_room(json!({})).await;
    assert_eq!(alice.state(&public, "m.room.join_rules", "").await.ok()["join_rule"], "public");
    assert_eq!(alice.state(&private, "m.room.join_rules", "").await.ok()["join_rule"], "invite");
    let listed = alice.get("/publicRooms").await.ok();
    let rooms: Vec<&Value> =
        listed["chunk"].as_array().unwrap().iter().map(|entry| &entry["room_id"]).collect();
    assert_eq!(rooms, [&json!(public)]);
}

#[tokio::test]
async fn options_become_state() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice
        .create_room(json!({
            "name": "The hearth",
            "topic": "Warm talk",
            "room_alias_name": "hearth",
            "creation_content": { "m.federate": false, "type": "m.space" },
            "initial_state": [
                { "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } },
                { "type": "org.example.colour", "state_key": "wall", "content": { "rgb": "ff0" } },
            ],
        }))
        .await;
    let create = alice.state(&room, "m.room.create", "").await.ok();
    assert_eq!(create["m.federate"], json!(false));
    assert_eq!(create["type"], "m.space");
    assert_eq!(create["room_version"], "12");
    assert_eq!(alice.state(&room, "m.room.name", "").await.ok()["name"], "The hearth");
    assert_eq!(alice.state(&room, "m.room.topic", "").await.ok()["topic"], "Warm talk");
    let colour = alice.state(&room, "org.example.colour", "wall").await.ok();
    assert_eq!(colour, json!({ "rgb": "ff0" }));
    let encryption = alice.state(&room, "m.room.encryption", "").await.ok();
    assert_eq!(encryption["algorithm"], "m.megolm.v1.aes-sha2");
    let alias = alice.state(&room, "m.room.canonical_alias", "").await.ok();
    assert_eq!(alias["alias"], "#hearth:hearth.test");
    let found = alice.get("/directory/room/%23hearth%3Ahearth.test").await.ok();
    assert_eq!(found["room_id"], room.as_str());
}

#[tokio::test]
async fn every_supported_version_can_be_created() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for version in 6..=12 {
        let version = version.to_string();
        let room = alice.create_room(json!({ "room_version": version })).await;
        let create = alice.state(&room, "m.room.create", "").await.ok();
        assert_eq!(create["room_version"], version.as_str());
        let event = alice.say(&room, "first").await;
        let message = alice.event(&room, &event).await.ok();
        assert_eq!(message["content"]["body"], "first");
        let has_domain = room.contains(':');
        assert_eq!(has_domain, version != "12", "{version}: {room}");
    }
    let unknown = alice.post("/createRoom", json!({ "room_version": "strange" })).await;
    unknown.assert_matrix_error(400, "M_UNSUPPORTED_ROOM_VERSION");
}

#[tokio::test]
async fn invited_users_are_invited() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice
        .create_room(json!({ "is_direct": true, "invite": [bob.user], "preset": "private_chat" }))
        .await;
    let content = alice.state(&room, "m.room.member", &bob.user).await.ok();
    assert_eq!(content["membership"], "invite");
    assert_eq!(content["is_direct"], json!(true));
    bob.join(&room).await;
    assert_eq!(alice.membership(&room, &bob.user).await, "join");
}

#[tokio::test]
async fn trusted_friends_are_equals() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let options = |version: &str| {
        json!({
            "preset": "trusted_private_chat", "invite": [bob.user], "room_version": version,
        })
    };
    let old = alice.create_room(options("11")).await;
    let levels = alice.state(&old, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["users"][&alice.user], json!(100));
    assert_eq!(levels["users"][&bob.user], json!(100));

    let new = alice.create_room(options("12")).await;
    let create = alice.state(&new, "m.room.create", "").await.ok();
    assert_eq!(create["additional_creators"], json!([bob.user]));
    let levels = alice.state(&new, "m.room.power_levels", "").await.ok();
    assert!(levels["users"].get(&alice.user).is_none(), "creators have no level: {levels}");
}

#[tokio::test]
async fn power_levels_can_be_overridden() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice
        .create_room(json!({ "power_level_content_override": { "events_default": 50 } }))
        .await;
    let levels = alice.state(&room, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["events_default"], json!(50));
}

#[tokio::test]
async fn bad_options_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    alice.create_room(json!({ "room_alias_name": "taken" })).await;
    let taken = alice.post("/createRoom", json!({ "room_alias_name": "taken" })).await;
    taken.assert_matrix_error(400, "M_ROOM_IN_USE");
    let invitee = alice.post("/createRoom", json!({ "invite": ["not a user"] })).await;
    assert_eq!(invitee.status, 400, "{}", invitee.text());
    let kind = alice.post("/createRoom", json!({ "name": 7 })).await;
    kind.assert_matrix_error(400, "M_BAD_JSON");
    let nobody = server.anonymous().post("/createRoom", json!({})).await;
    nobody.assert_matrix_error(401, "M_MISSING_TOKEN");
}
