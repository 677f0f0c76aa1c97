//! `@User`: profiles, finding people, blocking, not being disturbed.

use hearth_tests::{Chat, Server, chat_client::id, media::png, session::PASSWORD};
use serde_json::{Value, json};

async fn together(server: &Server) -> (Chat, Chat, String) {
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    (alice, bob, room)
}

#[tokio::test]
async fn a_profile_is_changed_in_both_apis_and_all_rooms() {
    let server = Server::start().await;
    let (alice, bob, room) = together(&server).await;
    let picture = id(&alice.attach("face.png", &png(8, 8)).await);
    let update = json!({ "display_name": "Alice A.", "avatar": picture, "status_message": "hi" });
    let me = alice.patch("/users/me", update).await.ok();
    assert_eq!(me["display_name"], "Alice A.");
    assert_eq!(me["avatar_url"], format!("/api/attachments/{picture}"));
    assert_eq!(me["status_message"], "hi");
    let client = server.anonymous().login(&alice.user, PASSWORD).await;
    let profile = client.get(&format!("/profile/{}", alice.user)).await.ok();
    assert_eq!(profile["displayname"], "Alice A.");
    assert_eq!(profile["avatar_url"], format!("mxc://hearth.test/{picture}"));
    let member = client.state(&room, "m.room.member", &alice.user).await.ok();
    assert_eq!(member["displayname"], "Alice A.");
    let said = alice.say(&room, "hello").await;
    assert_eq!(bob.message(&said).await["sender"]["display_name"], "Alice A.");
    let seen = bob.get(&format!("/users/{}", alice.user)).await.ok();
    assert_eq!((&seen["username"], &seen["status_message"]), (&json!("alice"), &json!("hi")));
    assert!(seen["last_seen"].is_string() && seen["created_at"].is_string());
    let me = alice.patch("/users/me", json!({ "avatar": null, "status_message": null })).await.ok();
    assert_eq!((&me["avatar_url"], &me["status_message"]), (&Value::Null, &Value::Null));
    assert_eq!(me["display_name"], "Alice A.");
    bob.get("/users/@nobody:hearth.test").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_avatar_is_a_picture_that_its_user_uploaded() {
    let server = Server::start().await;
    let (alice, bob, room) = together(&server).await;
    let matrix = server.anonymous().login(&alice.user, PASSWORD).await;
    let paper = alice.attach("a.png", b"%PDF-1.7\n").await;
    let lie = matrix.upload("image/png", "a.png", b"<svg onload=alert(1)>".to_vec()).await;
    let reserved = matrix.post("/_matrix/media/v1/create", json!({})).await.ok();
    let hidden = bob.attach("b.png", &png(8, 8)).await;
    let shown = bob.attach("c.png", &png(9, 9)).await;
    let body = json!({ "content": "look", "attachments": [shown["id"]] });
    bob.post(&format!("/rooms/{room}/messages"), body).await.created();
    assert_eq!(alice.get(&format!("/attachments/{}", id(&shown))).await.status, 200);
    let last = |address: &str| address.rsplit('/').next().unwrap().to_owned();
    for avatar in [
        "unknown".to_owned(),
        id(&paper),
        last(&lie),
        last(reserved["content_uri"].as_str().unwrap()),
        id(&hidden),
        id(&shown),
    ] {
        let update = json!({ "display_name": "Somebody else", "avatar": avatar });
        alice.patch("/users/me", update).await.assert_invalid(&["avatar"]);
    }
    let me = alice.get("/auth/me").await.ok();
    assert_eq!((&me["display_name"], &me["avatar_url"]), (&json!("alice"), &Value::Null));
    let picture = last(&matrix.upload("text/plain", "a.txt", png(8, 8)).await);
    alice.patch("/users/me", json!({ "avatar": picture })).await.ok();
    assert_eq!(bob.get(&format!("/attachments/{picture}")).await.bytes, png(8, 8));
}

#[tokio::test]
async fn users_are_found_by_name() {
    let server = Server::start().await;
    let [alice, bob, _carol] = server.chatters(["alice", "bob", "carol"]).await;
    bob.patch("/users/me", json!({ "display_name": "Robert Tables" })).await.ok();
    for search in ["bob", "rob", "tables"] {
        let found = alice.get(&format!("/users/search?q={search}")).await.ok();
        assert_eq!(found["users"][0]["id"], bob.user.as_str(), "{search}");
    }
    assert_eq!(alice.get("/users/search?q=nobody").await.ok()["users"], json!([]));
}

#[tokio::test]
async fn who_is_blocked_is_not_heard_and_cannot_write_directly() {
    let server = Server::start().await;
    let (alice, bob, room) = together(&server).await;
    let direct = bob.direct_room(&alice.user).await;
    let hello = bob.say(&direct, "hello").await;
    alice.post(&format!("/users/{}/block", bob.user), json!({})).await.done();
    bob.try_say(&direct, "hello?").await.assert_problem(403, "blocked");
    let message = format!("/messages/{hello}");
    let edited = bob.put(&message, json!({ "content": "hello?" })).await;
    edited.assert_problem(403, "blocked");
    let reacted = bob.post(&format!("{message}/reactions"), json!({ "emoji": "👋" })).await;
    reacted.assert_problem(403, "blocked");
    bob.say(&room, "can you hear me?").await;
    let last = alice.messages(&room, "limit=1").await;
    assert_eq!(last["messages"][0]["type"], "system", "{last}");
    let client = server.anonymous().login(&alice.user, PASSWORD).await;
    let path = format!("/user/{}/account_data/m.ignored_user_list", alice.user);
    let ignored = client.get(&path).await.ok();
    assert_eq!(ignored["ignored_users"], json!({ bob.user.as_str(): {} }));
    let other = bob.create_room("Other", "private").await;
    let invite = json!({ "user_id": alice.user });
    bob.post(&format!("/rooms/{other}/members"), invite).await.created();
    assert_eq!(alice.get("/rooms?membership=invited").await.ok()["total"], 0);
    let blocked = alice.get("/users/me/blocked").await.ok();
    assert_eq!(blocked["users"][0]["username"], "bob");
    alice.delete(&format!("/users/{}/block", bob.user)).await.done();
    bob.say(&direct, "thanks").await;
    assert_eq!(alice.get("/rooms?membership=invited").await.ok()["total"], 1);
}

#[tokio::test]
async fn who_is_not_to_be_disturbed_gets_no_invites_and_direct_messages() {
    let server = Server::start().await;
    let (alice, bob, _room) = together(&server).await;
    let direct = bob.direct_room(&alice.user).await;
    let hello = bob.say(&direct, "hello").await;
    let me = alice.patch("/users/me", json!({ "do_not_disturb": true })).await.ok();
    assert_eq!(me["do_not_disturb"], true);
    bob.try_say(&direct, "psst").await.assert_problem(403, "do-not-disturb");
    let message = format!("/messages/{hello}");
    let edited = bob.put(&message, json!({ "content": "psst" })).await;
    edited.assert_problem(403, "do-not-disturb");
    let reacted = bob.post(&format!("{message}/reactions"), json!({ "emoji": "👋" })).await;
    reacted.assert_problem(403, "do-not-disturb");
    let other = bob.create_room("Other", "private").await;
    let invite = json!({ "user_id": alice.user });
    let refused = bob.post(&format!("/rooms/{other}/members"), invite).await;
    refused.assert_problem(403, "do-not-disturb");
    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    let refused = client.moderate("invite", &other, &alice.user).await;
    refused.assert_matrix_error(403, "M_INVITE_BLOCKED");
    alice.patch("/users/me", json!({ "do_not_disturb": false })).await.ok();
    bob.say(&direct, "psst").await;
}
