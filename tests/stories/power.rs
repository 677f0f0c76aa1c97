//! State events and the power levels that guard them.

use hearth_tests::{Client, Server, rooms::event_id};
use serde_json::{Value, json};

async fn set_level(admin: &Client, room: &str, user: &str, level: i64) {
    let mut levels = admin.state(room, "m.room.power_levels", "").await.ok();
    levels["users"][user] = json!(level);
    event_id(&admin.put_state(room, "m.room.power_levels", "", levels).await);
}

#[tokio::test]
async fn members_without_power_change_nothing() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.create_room_with(&[&bob, &carol]).await;
    let name = bob.put_state(&room, "m.room.name", "", json!({ "name": "Bob's" })).await;
    name.assert_matrix_error(403, "M_FORBIDDEN");
    for action in ["kick", "ban"] {
        let refused = bob.moderate(action, &room, &carol.user).await;
        refused.assert_matrix_error(403, "M_FORBIDDEN");
    }
    let levels = json!({ "users": { &bob.user: 100 } });
    let coup = bob.put_state(&room, "m.room.power_levels", "", levels).await;
    coup.assert_matrix_error(403, "M_FORBIDDEN");
    alice.state(&room, "m.room.name", "").await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn power_is_given_and_bounded() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.create_room_with(&[&bob, &carol]).await;
    set_level(&alice, &room, &bob.user, 50).await;
    let named = bob.put_state(&room, "m.room.name", "", json!({ "name": "Bob's" })).await;
    let event = alice.event(&room, &event_id(&named)).await.ok();
    assert_eq!(event["sender"], bob.user.as_str());
    bob.moderate("kick", &room, &carol.user).await.ok();

    let mut levels = alice.state(&room, "m.room.power_levels", "").await.ok();
    levels["users"][&carol.user] = json!(75);
    let above = bob.put_state(&room, "m.room.power_levels", "", levels).await;
    above.assert_matrix_error(403, "M_FORBIDDEN");
    let creator = bob.moderate("ban", &room, &alice.user).await;
    creator.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn the_level_to_speak_can_be_raised() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    bob.say(&room, "before").await;
    let mut levels = alice.state(&room, "m.room.power_levels", "").await.ok();
    levels["events"]["m.room.message"] = json!(10);
    event_id(&alice.put_state(&room, "m.room.power_levels", "", levels).await);
    let message = json!({ "msgtype": "m.text", "body": "after" });
    let refused = bob.send_as(&room, "m.room.message", "t9", message).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    bob.send(&room, "m.reaction", json!({})).await;
}

#[tokio::test]
async fn malformed_power_levels_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let before = alice.state(&room, "m.room.power_levels", "").await.ok();
    let broken: [Value; 3] = [
        json!({ "users": { "not a user": 50 } }),
        json!({ "events_default": "50" }),
        json!({ "users_default": 1.5 }),
    ];
    for content in broken {
        let refused = alice.put_state(&room, "m.room.power_levels", "", content).await;
        assert!(matches!(refused.status, 400 | 403), "{}", refused.text());
        assert!(refused.json()["errcode"].is_string());
    }
    assert_eq!(alice.state(&room, "m.room.power_levels", "").await.ok(), before);
}

#[tokio::test]
async fn state_is_read_whole_and_by_key() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "name": "one" })).await;
    let content = json!({ "name": "two" });
    let event = event_id(&alice.put_state(&room, "m.room.name", "", content.clone()).await);
    assert_eq!(alice.state(&room, "m.room.name", "").await.ok(), content);
    let without_key = alice.get(&format!("/rooms/{room}/state/m.room.name")).await.ok();
    assert_eq!(without_key, content);
    let whole = alice.get(&format!("/rooms/{room}/state")).await.ok();
    let names: Vec<&Value> =
        whole.as_array().unwrap().iter().filter(|event| event["type"] == "m.room.name").collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(names[0]["event_id"], event.as_str());
    let formatted = alice.get(&format!("/rooms/{room}/state/m.room.name/?format=event")).await.ok();
    assert_eq!(formatted["event_id"], event.as_str());
    alice.state(&room, "m.room.topic", "").await.assert_matrix_error(404, "M_NOT_FOUND");
    let eve = server.register("eve").await;
    eve.state(&room, "m.room.name", "").await.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_state_key_of_another_user_is_refused() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let content = json!({ "x": 1 });
    let foreign = alice.put_state(&room, "org.example.mine", &bob.user, content.clone()).await;
    foreign.assert_matrix_error(403, "M_FORBIDDEN");
    event_id(&alice.put_state(&room, "org.example.mine", &alice.user, content).await);
    let member = json!({ "membership": "join" });
    let forged = alice.put_state(&room, "m.room.member", &bob.user, member).await;
    forged.assert_matrix_error(403, "M_FORBIDDEN");
    let create = alice.put_state(&room, "m.room.create", "", json!({ "creator": "x" })).await;
    assert!(matches!(create.status, 400 | 403), "{}", create.text());
}
