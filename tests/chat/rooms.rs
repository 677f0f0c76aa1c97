//! `@Room`: making, finding, changing and deleting rooms; direct rooms.

use std::collections::BTreeSet;

use futures::future::join_all;
use hearth_tests::{Chat, Client, Server, session::PASSWORD};
use serde_json::{Value, json};

fn names(body: &Value) -> Vec<&str> {
    let rooms = body["rooms"].as_array().expect("rooms");
    rooms.iter().map(|room| room["name"].as_str().unwrap()).collect()
}

async fn matrix(server: &Server, chat: &Chat) -> Client {
    server.anonymous().login(&chat.user, PASSWORD).await
}

#[tokio::test]
async fn a_room_is_the_same_in_both_apis() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let new = json!({ "name": "Hearth", "description": "Warm talk", "type": "public" });
    let room = alice.post("/rooms", new).await.created();
    let id = room["id"].as_str().unwrap();
    assert_eq!(room["name"], "Hearth");
    assert_eq!(room["description"], "Warm talk");
    assert_eq!(room["type"], "public");
    assert_eq!(room["created_by"], alice.user.as_str());
    assert_eq!(room["member_count"], 1);
    assert_eq!(room["membership"]["role"], "owner");
    assert_eq!(alice.get(&format!("/rooms/{id}")).await.ok(), room);

    let client = matrix(&server, &alice).await;
    assert_eq!(client.state(id, "m.room.name", "").await.ok()["name"], "Hearth");
    assert_eq!(client.state(id, "m.room.topic", "").await.ok()["topic"], "Warm talk");
    assert_eq!(client.state(id, "m.room.join_rules", "").await.ok()["join_rule"], "public");
    assert_eq!(client.state(id, "m.room.create", "").await.ok()["room_version"], "11");

    client.put_state(id, "m.room.name", "", json!({ "name": "Fireplace" })).await.ok();
    assert_eq!(alice.get(&format!("/rooms/{id}")).await.ok()["name"], "Fireplace");
    let update = json!({ "name": "Stove", "description": "Hot talk", "type": "private" });
    let room = alice.put(&format!("/rooms/{id}"), update).await.ok();
    assert_eq!((&room["name"], &room["type"]), (&json!("Stove"), &json!("private")));
    assert_eq!(client.state(id, "m.room.topic", "").await.ok()["topic"], "Hot talk");
    assert_eq!(client.state(id, "m.room.join_rules", "").await.ok()["join_rule"], "invite");
}

#[tokio::test]
async fn rooms_are_listed_by_their_last_message() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let mut rooms = Vec::new();
    for name in ["one", "two", "three"] {
        rooms.push(alice.create_room(name, "public").await);
    }
    bob.join_room(&rooms[0]).await;
    alice.say(&rooms[1], "hello").await;
    let said = bob.say(&rooms[0], "hi @alice").await;
    let list = alice.get("/rooms").await.ok();
    assert_eq!(names(&list), ["one", "two", "three"]);
    assert_eq!(list["total"], 3);
    let first = &list["rooms"][0];
    let message = alice.get(&format!("/messages/{said}")).await.ok();
    assert_eq!(first["last_message_at"], message["created_at"]);
    assert_eq!(first["membership"]["unread_count"], 1);
    assert_eq!(first["membership"]["mention_count"], 1);
    assert_eq!(list["rooms"][2]["last_message_at"], Value::Null);
    let page = alice.get("/rooms?offset=1&limit=1").await.ok();
    assert_eq!(names(&page), ["two"]);
    // An edit does not bring a room up.
    let client = matrix(&server, &alice).await;
    client.say(&rooms[2], "from elsewhere").await;
    assert_eq!(names(&alice.get("/rooms").await.ok()), ["three", "one", "two"]);
}

#[tokio::test]
async fn public_rooms_are_found_and_joined_and_private_ones_are_not() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let public = alice.create_room("Cooking", "public").await;
    alice.create_room("Gardening", "public").await;
    let private = alice.create_room("Secrets", "private").await;
    let found = bob.get("/rooms/public?q=cook").await.ok();
    assert_eq!(names(&found), ["Cooking"]);
    assert_eq!(found["rooms"][0]["membership"], Value::Null);
    assert_eq!(names(&bob.get("/rooms/public").await.ok()).len(), 2);
    assert_eq!(bob.get(&format!("/rooms/{public}")).await.ok()["name"], "Cooking");
    bob.get(&format!("/rooms/{private}")).await.assert_problem(403, "forbidden");
    let refused = bob.post(&format!("/rooms/{private}/join"), json!({})).await;
    refused.assert_problem(403, "forbidden");

    let joined = bob.post(&format!("/rooms/{public}/join"), json!({})).await.ok();
    assert_eq!(joined["membership"]["role"], "member");
    assert_eq!(joined["member_count"], 2);
    bob.post(&format!("/rooms/{public}/leave"), json!({})).await.done();
    let again = bob.post(&format!("/rooms/{public}/leave"), json!({})).await;
    again.assert_problem(403, "forbidden");
    assert_eq!(bob.get("/rooms").await.ok()["total"], 0);
}

#[tokio::test]
async fn only_admins_change_a_room_and_only_its_owner_deletes_it() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    let path = format!("/rooms/{room}");
    bob.put(&path, json!({ "name": "Bob's" })).await.assert_problem(403, "forbidden");
    bob.delete(&path).await.assert_problem(403, "forbidden");
    let client = matrix(&server, &bob).await;
    let refused = client.put_state(&room, "m.room.name", "", json!({ "name": "Bob's" })).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");

    let left = alice.post(&format!("{path}/leave"), json!({})).await;
    left.assert_problem(409, "only-owner");
    alice.delete(&path).await.done();
    assert_eq!(alice.get("/rooms").await.ok()["total"], 0);
    assert_eq!(bob.get("/rooms").await.ok()["total"], 0);
    assert_eq!(client.membership(&room, &bob.user).await, "leave");
    bob.post(&format!("{path}/join"), json!({})).await.assert_problem(403, "forbidden");
    assert_eq!(bob.get("/rooms/public").await.ok()["total"], 0);
}

#[tokio::test]
async fn a_room_is_deleted_although_others_have_as_much_power() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    let client = matrix(&server, &alice).await;
    let mut levels = client.state(&room, "m.room.power_levels", "").await.ok();
    levels["users"][&bob.user] = json!(100);
    client.put_state(&room, "m.room.power_levels", "", levels).await.ok();
    alice.delete(&format!("/rooms/{room}")).await.done();
    for chat in [&alice, &bob, &carol] {
        assert_eq!(chat.get("/rooms").await.ok()["total"], 0, "{}", chat.user);
    }
    let client = matrix(&server, &bob).await;
    assert_eq!(client.membership(&room, &bob.user).await, "leave");
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_direct_room_is_found_again_by_both() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let with = |chat: &Chat| json!({ "type": "direct", "user_id": chat.user });
    let room = alice.post("/rooms", with(&bob)).await.created();
    let id = room["id"].as_str().unwrap();
    assert_eq!(room["type"], "direct");
    assert_eq!(room["name"], "bob");
    assert_eq!(room["membership"]["direct_user"]["id"], bob.user.as_str());
    assert_eq!(alice.post("/rooms", with(&bob)).await.ok()["id"], id);
    let theirs = bob.post("/rooms", with(&alice)).await.ok();
    assert_eq!((&theirs["id"], &theirs["name"]), (&json!(id), &json!("alice")));
    for (chat, other) in [(&alice, &bob), (&bob, &alice)] {
        let client = matrix(&server, chat).await;
        let path = format!("/user/{}/account_data/m.direct", chat.user);
        let direct = client.get(&path).await.ok();
        assert_eq!(direct, json!({ other.user.as_str(): [id] }));
    }
    // Nobody else comes in, through whichever API.
    let invite = json!({ "user_id": carol.user });
    let refused = alice.post(&format!("/rooms/{id}/members"), invite).await;
    refused.assert_problem(403, "forbidden");
    let client = matrix(&server, &alice).await;
    let refused = client.moderate("invite", id, &carol.user).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    let open = json!({ "join_rule": "public" });
    let refused = client.put_state(id, "m.room.join_rules", "", open).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn two_who_write_to_each_other_at_once_are_in_one_room() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let opened = (0..8).map(|number| match number % 2 {
        0 => alice.direct_room(&bob.user),
        _ => bob.direct_room(&alice.user),
    });
    let opened: BTreeSet<_> = join_all(opened).await.into_iter().collect();
    assert_eq!(opened.len(), 1, "{opened:?}");
}

#[tokio::test]
async fn a_direct_room_of_a_matrix_client_is_direct_here() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let [bob] = server.chatters(["bob"]).await;
    let options = json!({ "is_direct": true, "invite": [bob.user], "preset": "private_chat" });
    let room = alice.create_room(options).await;
    let path = format!("/user/{}/account_data/m.direct", alice.user);
    alice.put(&path, json!({ bob.user.as_str(): [room] })).await.ok();
    let invites = bob.get("/rooms?membership=invited").await.ok();
    assert_eq!(invites["rooms"][0]["id"], room.as_str());
    let joined = bob.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    assert_eq!(joined["type"], "direct");
    let found = bob.post("/rooms", json!({ "type": "direct", "user_id": alice.user })).await.ok();
    assert_eq!(found["id"], room.as_str());
}

#[tokio::test]
async fn one_can_write_to_oneself() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let with_me = json!({ "type": "direct", "user_id": alice.user });
    let room = alice.post("/rooms", with_me.clone()).await.created();
    assert_eq!(room["member_count"], 1);
    assert_eq!(room["name"], "alice");
    let id = room["id"].as_str().unwrap();
    alice.say(id, "remember the milk").await;
    assert_eq!(alice.post("/rooms", with_me).await.ok()["id"], id);
}
