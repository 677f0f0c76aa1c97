//! `@Membership`: members, roles, invites, removal, ownership.

use hearth_tests::{Chat, Server, session::PASSWORD, sync};
use serde_json::{Value, json};

async fn members(chat: &Chat, room: &str) -> Vec<(String, String)> {
    let list = chat.get(&format!("/rooms/{room}/members")).await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = list["members"].as_array().unwrap().iter();
    members.map(|member| (text(&member["user"]["username"]), text(&member["role"]))).collect()
}

fn roles(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(user, role)| ((*user).to_owned(), (*role).to_owned())).collect()
}

#[tokio::test]
async fn members_are_listed_with_role_join_and_what_they_read() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    let said = alice.say(&room, "hello").await;
    bob.post(&format!("/messages/{said}/read"), json!({})).await.done();
    let list = alice.get(&format!("/rooms/{room}/members")).await.ok();
    assert_eq!((&list["total"], &list["has_more"]), (&json!(2), &json!(false)));
    let [first, second] = &list["members"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!((&first["role"], &second["role"]), (&json!("owner"), &json!("member")));
    assert_eq!(second["last_read_message_id"], said.as_str());
    assert_eq!(first["last_read_message_id"], Value::Null);
    assert!(second["joined_at"].as_str() >= first["joined_at"].as_str());
    assert_eq!(second["status"], "online");
    assert!(second["last_active_at"].is_string());
    bob.patch("/users/me", json!({ "status": "offline" })).await.ok();
    let there = alice.get(&format!("/rooms/{room}/members?present=true")).await.ok();
    let there = there["members"].as_array().unwrap().iter();
    let there: Vec<_> = there.map(|it| it["user"]["username"].as_str().unwrap()).collect();
    assert_eq!(there, ["alice"]);
    let page = alice.get(&format!("/rooms/{room}/members?limit=1")).await.ok();
    assert_eq!(page["has_more"], true);
    let path = format!("/rooms/{room}/members?after={}", alice.user);
    let page = alice.get(&path).await.ok();
    assert_eq!(page["members"][0]["user"]["id"], bob.user.as_str());
}

#[tokio::test]
async fn admins_invite_and_remove() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.create_room("Hearth", "private").await;
    let path = format!("/rooms/{room}/members");
    let invite = |chat: &Chat| json!({ "user_id": chat.user });
    let invited = alice.post(&path, invite(&bob)).await.created();
    assert_eq!(invited["user"]["id"], bob.user.as_str());
    bob.join_room(&room).await;
    alice.post(&path, invite(&bob)).await.assert_problem(409, "already-a-member");
    bob.post(&path, invite(&carol)).await.assert_problem(403, "forbidden");
    bob.delete(&format!("{path}/{}", alice.user)).await.assert_problem(403, "forbidden");
    alice
        .post(&path, json!({ "user_id": "@nobody:hearth.test" }))
        .await
        .assert_problem(404, "not-found");

    let role = format!("{path}/{}/role", bob.user);
    alice.patch(&role, json!({ "role": "admin" })).await.ok();
    bob.post(&path, invite(&carol)).await.created();
    let client = server.anonymous().login(&carol.user, PASSWORD).await;
    client.join(&room).await;
    assert_eq!(members(&alice, &room).await.len(), 3);
    bob.delete(&format!("{path}/{}", carol.user)).await.done();
    assert_eq!(client.membership(&room, &carol.user).await, "leave");
    bob.delete(&format!("{path}/{}", carol.user)).await.assert_problem(404, "not-found");
    bob.delete(&format!("{path}/{}", alice.user)).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn roles_are_power_levels_and_ownership_is_handed_over() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    carol.join_room(&room).await;
    let role = |chat: &Chat| format!("/rooms/{room}/members/{}/role", chat.user);
    let changed = alice.patch(&role(&bob), json!({ "role": "admin" })).await.ok();
    assert_eq!(changed["role"], "admin");
    bob.patch(&role(&carol), json!({ "role": "admin" })).await.assert_problem(403, "forbidden");
    alice.patch(&role(&bob), json!({ "role": "king" })).await.assert_invalid(&["role"]);
    let own = alice.patch(&role(&alice), json!({ "role": "member" })).await;
    own.assert_problem(409, "only-owner");

    let client = server.anonymous().login(&alice.user, PASSWORD).await;
    let levels = client.state(&room, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["users"], json!({ alice.user.as_str(): 100, bob.user.as_str(): 50 }));
    let mut users = levels.clone();
    users["users"][&carol.user] = json!(50);
    client.put_state(&room, "m.room.power_levels", "", users).await.ok();
    let expected = roles(&[("alice", "owner"), ("bob", "admin"), ("carol", "admin")]);
    assert_eq!(members(&bob, &room).await, expected);

    alice.patch(&role(&bob), json!({ "role": "owner" })).await.ok();
    let expected = roles(&[("alice", "admin"), ("bob", "owner"), ("carol", "admin")]);
    assert_eq!(members(&alice, &room).await, expected);
    alice.delete(&format!("/rooms/{room}")).await.assert_problem(403, "forbidden");
    alice.post(&format!("/rooms/{room}/leave"), json!({})).await.done();
    bob.delete(&format!("/rooms/{room}")).await.done();
}

#[tokio::test]
async fn a_join_and_an_invite_are_seen_by_matrix() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    let since = client.now().await;
    let room = alice.create_room("Hearth", "private").await;
    let invite = json!({ "user_id": bob.user });
    alice.post(&format!("/rooms/{room}/members"), invite).await.created();
    let body = client.sync_until(&since, |body| body["rooms"]["invite"][&room].is_object()).await;
    bob.join_room(&room).await;
    let since = sync::next_batch(&body);
    let body = client.sync_until(&since, |body| body["rooms"]["join"][&room].is_object()).await;
    assert!(sync::of_state(sync::timeline(&body, &room), "m.room.member", &bob.user).is_some());
}
