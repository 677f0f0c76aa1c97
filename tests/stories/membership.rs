//! Coming and going: join, invite, leave, forget, kick, ban, unban, knock.

use hearth_tests::{Client, Server, rooms::initial_state};
use serde_json::json;

async fn joined_rooms(client: &Client) -> Vec<String> {
    let body = client.get("/joined_rooms").await.ok();
    let rooms = body["joined_rooms"].as_array().unwrap().iter();
    rooms.map(|room| room.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_public_room_is_open_and_a_private_one_is_not() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let public = alice.create_room(json!({ "preset": "public_chat" })).await;
    let private = alice.create_room(json!({ "preset": "private_chat" })).await;
    bob.join(&public).await;
    bob.join(&public).await;
    assert_eq!(joined_rooms(&bob).await, [&*public]);
    bob.try_join(&private).await.assert_matrix_error(403, "M_FORBIDDEN");
    let missing = bob.try_join("!nowhere:hearth.test").await;
    assert!(matches!(missing.status, 403 | 404), "{}", missing.text());

    alice.invite(&private, &bob.user).await;
    bob.join(&private).await;
    let body = alice.get(&format!("/rooms/{private}/joined_members")).await.ok();
    let mut members: Vec<&String> = body["joined"].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, [&alice.user, &bob.user]);
}

#[tokio::test]
async fn an_invite_is_declined_or_withdrawn() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    alice.invite(&room, &bob.user).await;
    assert_eq!(bob.leave(&room).await.ok(), json!({}));
    assert_eq!(alice.membership(&room, &bob.user).await, "leave");
    bob.try_join(&room).await.assert_matrix_error(403, "M_FORBIDDEN");

    alice.invite(&room, &bob.user).await;
    alice.moderate("kick", &room, &bob.user).await.ok();
    bob.try_join(&room).await.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn invites_to_members_and_from_outsiders_are_refused() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let member = alice.moderate("invite", &room, &bob.user).await;
    member.assert_matrix_error(403, "M_FORBIDDEN");
    let outsider = eve.moderate("invite", &room, &eve.user).await;
    outsider.assert_matrix_error(403, "M_FORBIDDEN");
    let body = alice.post(&format!("/rooms/{room}/invite"), json!({ "user_id": "bob" })).await;
    assert_eq!(body.status, 400, "{}", body.text());
}

#[tokio::test]
async fn leaving_ends_reading_and_writing() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    assert_eq!(bob.leave(&room).await.ok(), json!({}));
    assert_eq!(joined_rooms(&bob).await, Vec::<String>::new());
    assert_eq!(alice.membership(&room, &bob.user).await, "leave");
    let message = json!({ "msgtype": "m.text", "body": "still here" });
    let sent = bob.send_as(&room, "m.room.message", "t", message).await;
    sent.assert_matrix_error(403, "M_FORBIDDEN");
    let event = alice.say(&room, "he has gone").await;
    let read = bob.event(&room, &event).await;
    read.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_forgotten_room_is_out_of_sight() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let early = bob.forget(&room).await;
    assert_eq!(early.status, 400, "{}", early.text());
    assert!(early.json()["errcode"].is_string());
    bob.leave(&room).await.ok();
    assert!(bob.messages(&room, &[("dir", "b")]).await.ok()["chunk"].is_array());
    assert_eq!(bob.forget(&room).await.ok(), json!({}));
    bob.messages(&room, &[("dir", "b")]).await.assert_matrix_error(403, "M_FORBIDDEN");
    let filter = json!({ "room": { "include_leave": true } });
    let body = bob.sync_filtered(None, &filter).await;
    assert!(body["rooms"]["leave"].get(&room).is_none(), "{body}");
    bob.join(&room).await;
    assert_eq!(joined_rooms(&bob).await, [room]);
}

#[tokio::test]
async fn a_kicked_user_may_come_back_and_a_banned_one_may_not() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let body = json!({ "user_id": bob.user, "reason": "spam" });
    alice.post(&format!("/rooms/{room}/kick"), body.clone()).await.ok();
    let content = alice.state(&room, "m.room.member", &bob.user).await.ok();
    assert_eq!((&content["membership"], &content["reason"]), (&json!("leave"), &json!("spam")));
    bob.join(&room).await;

    alice.post(&format!("/rooms/{room}/ban"), body).await.ok();
    assert_eq!(alice.membership(&room, &bob.user).await, "ban");
    bob.try_join(&room).await.assert_matrix_error(403, "M_FORBIDDEN");
    let invited = alice.moderate("invite", &room, &bob.user).await;
    invited.assert_matrix_error(403, "M_FORBIDDEN");

    alice.moderate("unban", &room, &bob.user).await.ok();
    assert_eq!(alice.membership(&room, &bob.user).await, "leave");
    bob.join(&room).await;
    assert_eq!(alice.membership(&room, &bob.user).await, "join");
}

#[tokio::test]
async fn a_knock_waits_for_an_invite() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let closed = alice.create_room(json!({})).await;
    bob.knock(&closed).await.assert_matrix_error(403, "M_FORBIDDEN");
    let rule = initial_state("m.room.join_rules", json!({ "join_rule": "knock" }));
    let room = alice.create_room(json!({ "initial_state": [rule] })).await;
    assert_eq!(bob.knock(&room).await.ok()["room_id"], room.as_str());
    let content = alice.state(&room, "m.room.member", &bob.user).await.ok();
    assert_eq!(
        (&content["membership"], &content["reason"]),
        (&json!("knock"), &json!("let me in"))
    );
    bob.try_join(&room).await.assert_matrix_error(403, "M_FORBIDDEN");
    alice.invite(&room, &bob.user).await;
    bob.join(&room).await;
    assert_eq!(alice.membership(&room, &bob.user).await, "join");
}

#[tokio::test]
async fn members_of_another_room_come_in_by_its_allow_rule() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let space = alice.create_room(json!({ "preset": "public_chat" })).await;
    let rule = json!({
        "type": "m.room.join_rules",
        "state_key": "",
        "content": {
            "join_rule": "restricted",
            "allow": [{ "type": "m.room_membership", "room_id": space }],
        },
    });
    let room = alice.create_room(json!({ "initial_state": [rule] })).await;
    bob.try_join(&room).await.assert_matrix_error(403, "M_FORBIDDEN");
    bob.join(&space).await;
    bob.join(&room).await;
    let content = alice.state(&room, "m.room.member", &bob.user).await.ok();
    assert_eq!(content["membership"], "join");
    assert_eq!(content["join_authorised_via_users_server"], alice.user.as_str());
    let mut repeated = content;
    repeated["displayname"] = json!("Bobby");
    repeated["join_authorised_via_users_server"] = json!("whatever the client read");
    bob.put(&format!("/rooms/{room}/state/m.room.member/{}", bob.user), repeated).await.ok();
    let content = alice.state(&room, "m.room.member", &bob.user).await.ok();
    assert_eq!(content["displayname"], "Bobby");
    assert!(content.get("join_authorised_via_users_server").is_none(), "{content}");
}

#[tokio::test]
async fn members_are_listed_by_membership() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    alice.invite(&room, &carol.user).await;
    let users = |query: &'static str| {
        let (alice, room) = (alice.clone(), room.clone());
        async move {
            let body = alice.get(&format!("/rooms/{room}/members{query}")).await.ok();
            let chunk = body["chunk"].as_array().unwrap().iter();
            let mut users: Vec<String> =
                chunk.map(|event| event["state_key"].as_str().unwrap().to_owned()).collect();
            users.sort();
            users
        }
    };
    assert_eq!(users("").await, [&*alice.user, &*bob.user, &*carol.user]);
    assert_eq!(users("?membership=invite").await, [&*carol.user]);
    assert_eq!(users("?not_membership=invite").await, [&*alice.user, &*bob.user]);
    let eve = server.register("eve").await;
    let outsider = eve.get(&format!("/rooms/{room}/members")).await;
    outsider.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_room_is_joined_by_its_id_alone() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    let path = format!("/rooms/{room}/join");
    assert_eq!(bob.post(&path, json!({ "reason": "hello" })).await.ok()["room_id"], room.as_str());
    assert_eq!(alice.membership(&room, &bob.user).await, "join");
    let closed = alice.create_room(json!({})).await;
    let refused = bob.post(&format!("/rooms/{closed}/join"), json!({})).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
}
