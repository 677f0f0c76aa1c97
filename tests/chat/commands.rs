//! `@Moderation`: commands in what somebody writes.

use hearth_tests::{Chat, Reply, Server, chat_client::BASE_PATH, session::PASSWORD};
use serde_json::{Value, json};

async fn write(chat: &Chat, room: &str, text: &str) -> Reply {
    chat.post(&format!("/rooms/{room}/messages"), json!({ "content": text })).await
}

/// What the room heard, the oldest first.
async fn heard(chat: &Chat, room: &str) -> Vec<String> {
    let page = chat.get(&format!("/rooms/{room}/messages")).await.ok();
    let messages = page["messages"].as_array().unwrap();
    let said = messages.iter().filter(|message| message["type"] != "system");
    said.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn commands_are_run_and_only_their_sender_sees_what_came_of_it() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.post("/rooms", json!({ "name": "Plaza", "type": "public" })).await.created();
    let room = room["id"].as_str().unwrap().to_owned();
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.ok();

    for text in ["/kick alice", "/topic mine", "/mute alice 5m"] {
        write(&bob, &room, text).await.assert_problem(403, "forbidden");
    }
    for text in ["/kcik bob", "/kick", "/"] {
        write(&alice, &room, text).await.assert_invalid(&["content"]);
    }
    assert!(heard(&alice, &room).await.is_empty());

    write(&bob, &room, "/me waves").await.created();
    write(&bob, &room, "//not a command").await.created();
    let help = write(&bob, &room, "/help").await.ok();
    assert!(help["notice"].as_str().unwrap().contains("/mute"), "{help}");
    assert_eq!(heard(&alice, &room).await, ["waves", "/not a command"]);

    for wrong in ["10", "1h30m", "-5m", "999999999999h", "5 minutes"] {
        write(&alice, &room, &format!("/mute bob {wrong}")).await.assert_invalid(&["content"]);
    }
    let muted = write(&alice, &room, "/mute bob 5m shouting").await.ok();
    assert!(muted["notice"].as_str().unwrap().ends_with(" UTC"), "{muted}");
    write(&bob, &room, "hello").await.assert_problem(403, "may-not-write");
    write(&alice, &room, "/unmute bob").await.ok();
    write(&bob, &room, "hello").await.created();
    write(&alice, &room, "/topic Roses").await.ok();
    let details: Value = bob.get(&format!("/rooms/{room}")).await.ok();
    assert_eq!(details["description"], "Roses");
    write(&bob, &room, "/nick Robert").await.ok();
    assert_eq!(bob.get("/auth/me").await.ok()["display_name"], "Robert");
    write(&alice, &room, "/invite carol").await.ok();
    write(&alice, &room, "/ban bob").await.ok();
    write(&bob, &room, "hello").await.assert_problem(403, "not-a-member");
    write(&alice, &room, "/unban bob").await.ok();
    carol.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    write(&alice, &room, "/kick carol").await.ok();
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    write(&bob, &room, "/leave").await.ok();
    bob.get(&format!("/rooms/{room}/messages")).await.assert_problem(403, "not-a-member");
}

#[tokio::test]
async fn nothing_is_written_into_an_encrypted_room() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let room = alice.post("/rooms", json!({ "name": "Vault", "type": "private" })).await.created();
    let room = room["id"].as_str().unwrap().to_owned();
    let hooks = format!("/rooms/{room}/webhooks");
    let hook = alice.post(&hooks, json!({ "name": "CI" })).await.created();
    let message = write(&alice, &room, "hello").await.created();
    let matrix = server.anonymous().login("alice", PASSWORD).await;
    let encryption = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    matrix.put(&format!("/rooms/{room}/state/m.room.encryption"), encryption).await.ok();
    for text in ["a secret", "/me whispers", "/topic secrets", "//secret"] {
        write(&alice, &room, text).await.assert_problem(409, "encrypted-room");
    }
    let edit = format!("/messages/{}", message["id"].as_str().unwrap());
    let edited = alice.put(&edit, json!({ "content": "a secret" })).await;
    edited.assert_problem(409, "encrypted-room");
    let address = hook["path"].as_str().unwrap().strip_prefix(BASE_PATH).unwrap();
    let posted = server.chat().post(address, json!({ "text": "red" })).await;
    posted.assert_problem(409, "encrypted-room");
    assert_eq!(heard(&alice, &room).await, ["hello"]);
}
