//! `@Notification`: mentions, replies, invites, direct messages, and what one wants to hear of.

use hearth_tests::{Chat, Server, session::PASSWORD, wait::until};
use serde_json::{Value, json};

/// Waits until somebody has so many unread notifications, and returns them.
async fn unread(chat: &Chat, count: usize) -> Vec<Value> {
    until("notifications", async || {
        let page = chat.get("/notifications?unread=true").await.ok();
        let found = page["notifications"].as_array().unwrap().clone();
        (page["unread_count"] == count && found.len() == count).then_some(found)
    })
    .await
}

#[tokio::test]
async fn whoever_is_meant_is_notified() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = json!({ "name": "Plaza", "type": "private", "invite": [bob.user, carol.user] });
    let room = alice.post("/rooms", room).await.created()["id"].as_str().unwrap().to_owned();
    let invite = unread(&bob, 1).await.remove(0);
    assert_eq!((&invite["type"], &invite["room_id"]), (&json!("room_invite"), &json!(room)));
    assert_eq!((&invite["sender"]["id"], &invite["is_read"]), (&json!(alice.user), &json!(false)));
    for member in [&bob, &carol] {
        member.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
        unread(member, 0).await;
    }
    let messages = format!("/rooms/{room}/messages");
    let said = bob.post(&messages, json!({ "content": "hello?" })).await.created();
    let reply = json!({ "content": "hi", "parent_id": said["id"] });
    alice.post(&messages, reply).await.created();
    alice.post(&messages, json!({ "content": "where are you, @bob?" })).await.created();
    let direct = json!({ "type": "direct", "user_id": bob.user });
    let direct = alice.post("/rooms", direct).await.created()["id"].as_str().unwrap().to_owned();
    alice.post(&format!("/rooms/{direct}/messages"), json!({ "content": "psst" })).await.created();
    let found = unread(&bob, 3).await;
    let kinds: Vec<_> = found.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["direct_message", "mention", "reply"]);
    assert_eq!(found[0]["content"], "psst");
    unread(&carol, 0).await;

    let one = format!("/notifications/{}/read", found[0]["id"].as_str().unwrap());
    carol.patch(&one, json!({})).await.assert_problem(404, "not-found");
    bob.patch(&one, json!({})).await.done();
    unread(&bob, 2).await;
    bob.patch("/notifications/read-all", json!({})).await.done();
    assert_eq!(bob.get("/notifications/unread-count").await.ok(), json!({ "unread_count": 0 }));
    let page = bob.get("/notifications?limit=2").await.ok();
    assert!(page["notifications"].as_array().unwrap().iter().all(|one| one["is_read"] == true));
    let next = page["next"].as_str().unwrap();
    let rest = bob.get(&format!("/notifications?before={next}")).await.ok();
    assert!(rest["notifications"].as_array().unwrap().len() >= 2, "{rest}");
    assert_eq!(rest["next"], Value::Null);
    bob.get("/notifications?limit=0").await.assert_invalid(&["limit"]);
}

#[tokio::test]
async fn what_was_read_in_matrix_is_read_and_what_was_deleted_says_nothing() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.post("/rooms", json!({ "name": "Plaza", "type": "public" })).await.created();
    let room = room["id"].as_str().unwrap().to_owned();
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    let (writer, reader) = (
        server.anonymous().login("alice", PASSWORD).await,
        server.anonymous().login("bob", PASSWORD).await,
    );
    let mention = json!({
        "msgtype": "m.text", "body": "secret", "m.mentions": { "user_ids": [bob.user] },
    });
    let first = writer.send(&room, "m.room.message", mention.clone()).await;
    unread(&bob, 1).await;
    reader.post(&format!("/rooms/{room}/receipt/m.read/{first}"), json!({})).await.ok();
    unread(&bob, 0).await;
    let second = writer.send(&room, "m.room.message", mention).await;
    assert_eq!(unread(&bob, 1).await[0]["content"], "secret");
    writer.put(&format!("/rooms/{room}/redact/{second}/1"), json!({})).await.ok();
    assert_eq!(unread(&bob, 1).await[0]["content"], "[deleted]");
}

#[tokio::test]
async fn what_one_hears_of_a_room_is_a_push_rule() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let path = format!("/rooms/{room}/notifications");
    let unread = async || {
        let shown = alice.get(&format!("/rooms/{room}")).await.ok()["membership"].clone();
        (shown["notifications"].clone(), shown["unread_count"].clone())
    };
    assert_eq!(unread().await, (json!("all"), json!(0)));
    alice.put(&path, json!({ "level": "mentions" })).await.ok();
    bob.say(&room, "one").await;
    assert_eq!(unread().await, (json!("mentions"), json!(0)));
    bob.say(&room, "two, @alice").await;
    assert_eq!(unread().await.1, 1);
    alice.put(&path, json!({ "level": "muted" })).await.ok();
    assert_eq!(unread().await.0, "muted");
    let client = server.anonymous().login(&alice.user, PASSWORD).await;
    let rule = client.get(&format!("/pushrules/global/override/{room}")).await.ok();
    assert_eq!(rule["actions"], json!([]));
    alice.put(&path, json!({ "level": "all" })).await.ok();
    assert_eq!(unread().await.0, "all");
    alice.put(&path, json!({ "level": "some" })).await.assert_invalid(&["level"]);
}
