//! `@Invite`: codes by which people join, how often and until when.

use futures::future::join_all;
use hearth_tests::{Chat, Server};
use serde_json::{Value, json};

async fn private_room(owner: &Chat) -> String {
    let room = json!({ "name": "Secret garden", "type": "private", "description": "Roses" });
    owner.post("/rooms", room).await.created()["id"].as_str().unwrap().to_owned()
}

async fn invite(owner: &Chat, room: &str, options: Value) -> Value {
    owner.post(&format!("/rooms/{room}/invites"), options).await.created()
}

fn accept(code: &Value) -> String {
    format!("/invites/{}/accept", code.as_str().unwrap())
}

#[tokio::test]
async fn an_invite_shows_the_room_and_lets_people_in() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = private_room(&alice).await;
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.assert_problem(403, "forbidden");
    let made = invite(&alice, &room, json!({})).await;
    let code = made["code"].as_str().unwrap();
    assert!(code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{code}");
    assert_eq!(made["creator"]["id"], alice.user);
    assert_eq!(
        (&made["max_uses"], &made["uses"], &made["is_valid"]),
        (&Value::Null, &json!(0), &json!(true))
    );
    let expires = made["expires_at"].as_str().unwrap();
    assert!(expires > made["created_at"].as_str().unwrap(), "{made}");

    let details = bob.get(&format!("/invites/{code}")).await.ok();
    assert_eq!(details["room"]["name"], "Secret garden");
    assert_eq!(details["room"]["description"], "Roses");
    assert_eq!(details["room"]["member_count"], 1);
    server.chat().get(&format!("/invites/{code}")).await.assert_problem(401, "unauthorized");
    bob.get("/invites/nothing").await.assert_problem(404, "not-found");

    let joined = bob.post(&accept(&made["code"]), json!({})).await.ok();
    assert_eq!(joined["room_id"], room);
    let matrix = server.anonymous().login("bob", hearth_tests::session::PASSWORD).await;
    let rooms = matrix.get("/joined_rooms").await.ok();
    assert_eq!(rooms["joined_rooms"], json!([room]));
    // Who is there already needs no use.
    bob.post(&accept(&made["code"]), json!({})).await.ok();
    assert_eq!(bob.get(&format!("/invites/{code}")).await.ok()["uses"], 1);
}

#[tokio::test]
async fn a_limit_holds_when_a_hundred_accept_at_once() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let room = private_room(&alice).await;
    let code = invite(&alice, &room, json!({ "max_uses": 10 })).await["code"].clone();
    let names = (0..100).map(|number| format!("user{number}"));
    let users = join_all(names.map(async |name| server.chat().register(&name).await)).await;
    let path = accept(&code);
    let replies = join_all(users.iter().map(|user| user.post(&path, json!({})))).await;
    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(200), count(410)), (10, 90));
    let details = alice.get(&format!("/invites/{}", code.as_str().unwrap())).await.ok();
    assert_eq!((&details["uses"], &details["is_valid"]), (&json!(10), &json!(false)));
    assert_eq!(details["room"]["member_count"], 11);
}

#[tokio::test]
async fn administrators_make_list_and_revoke_them() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = private_room(&alice).await;
    let path = format!("/rooms/{room}/invites");
    let code =
        invite(&alice, &room, json!({ "max_uses": 5, "expires_in": 120 })).await["code"].clone();
    bob.post(&accept(&code), json!({})).await.ok();
    bob.post(&path, json!({})).await.assert_problem(403, "forbidden");
    bob.get(&path).await.assert_problem(403, "forbidden");
    carol.post(&path, json!({})).await.assert_problem(403, "not-a-member");
    for (body, field) in [
        (json!({ "max_uses": 0 }), "max_uses"),
        (json!({ "expires_in": 59 }), "expires_in"),
        (json!({ "expires_in": "soon" }), "expires_in"),
    ] {
        alice.post(&path, body).await.assert_invalid(&[field]);
    }
    let list = alice.get(&path).await.ok();
    assert_eq!(list["invites"].as_array().unwrap().len(), 1);
    let one = format!("/invites/{}", code.as_str().unwrap());
    bob.delete(&one).await.assert_problem(403, "forbidden");
    alice.delete(&one).await.done();
    carol.post(&accept(&code), json!({})).await.assert_problem(410, "gone");
    assert_eq!(carol.get(&one).await.ok()["is_revoked"], true);
}

#[tokio::test]
async fn who_was_banned_does_not_come_in_by_a_code_and_uses_none() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = private_room(&alice).await;
    let ban = json!({ "user_id": bob.user, "reason": "spam" });
    alice.post(&format!("/rooms/{room}/bans"), ban).await.done();
    let code = invite(&alice, &room, json!({ "max_uses": 1 })).await["code"].clone();
    bob.post(&accept(&code), json!({})).await.assert_problem(403, "forbidden");
    carol.post(&accept(&code), json!({})).await.ok();
}

#[tokio::test]
async fn nobody_comes_back_by_a_code_of_their_own() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = private_room(&alice).await;
    let code = invite(&alice, &room, json!({})).await["code"].clone();
    bob.post(&accept(&code), json!({})).await.ok();
    let member = format!("/rooms/{room}/members/{}", bob.user);
    alice.patch(&format!("{member}/role"), json!({ "role": "admin" })).await.ok();
    let own = invite(&bob, &room, json!({ "expires_in": 31_536_000 })).await;
    assert_eq!(own["is_valid"], true);
    alice.patch(&format!("{member}/role"), json!({ "role": "member" })).await.ok();
    carol.post(&accept(&own["code"]), json!({})).await.assert_problem(410, "gone");
    alice.delete(&member).await.done();
    bob.post(&accept(&own["code"]), json!({})).await.assert_problem(410, "gone");
    let shown = alice.get(&format!("/invites/{}", own["code"].as_str().unwrap())).await.ok();
    assert_eq!((&shown["is_valid"], &shown["is_revoked"]), (&json!(false), &json!(false)));
    // The code of another is another matter: who must not come back is banned.
    bob.post(&accept(&code), json!({})).await.ok();
}

#[tokio::test]
async fn archived_rooms_and_those_of_moderators_have_no_codes() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = private_room(&alice).await;
    let code = invite(&alice, &room, json!({})).await["code"].clone();
    let archive = format!("/rooms/{room}/archive");
    alice.put(&archive, json!({})).await.done();
    bob.post(&accept(&code), json!({})).await.assert_problem(403, "archived");
    let new = alice.post(&format!("/rooms/{room}/invites"), json!({})).await;
    new.assert_problem(403, "archived");
    alice.delete(&archive).await.done();
    let theirs = alice.put(&format!("/rooms/{room}/moderators-room"), json!({})).await.ok();
    let path = format!("/rooms/{}/invites", theirs["room_id"].as_str().unwrap());
    alice.post(&path, json!({})).await.assert_problem(403, "forbidden");
    bob.post(&accept(&code), json!({})).await.ok();
}

#[tokio::test]
async fn no_third_comes_into_a_direct_room_by_a_code() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let [bob, carol] = server.chatters(["bob", "carol"]).await;
    let preset = "trusted_private_chat";
    let options = json!({ "is_direct": true, "invite": [bob.user], "preset": preset });
    let room = alice.create_room(options).await;
    let of_alice = server.chat().login("alice").await;
    // Before it was a direct one, there could be codes to it.
    let code = invite(&of_alice, &room, json!({})).await["code"].clone();
    let path = format!("/user/{}/account_data/m.direct", alice.user);
    alice.put(&path, json!({ bob.user.as_str(): [room] })).await.ok();
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    for chat in [&of_alice, &bob] {
        let new = chat.post(&format!("/rooms/{room}/invites"), json!({})).await;
        new.assert_problem(403, "forbidden");
        let command = json!({ "content": format!("/invite {}", carol.user) });
        let command = chat.post(&format!("/rooms/{room}/messages"), command).await;
        command.assert_problem(403, "forbidden");
    }
    carol.post(&accept(&code), json!({})).await.assert_problem(410, "gone");
}
