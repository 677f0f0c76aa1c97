//! `@Moderation`: commands in what somebody writes.

use hearth_tests::{Chat, Reply, Server};
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

    write(&alice, &room, "/mute bob 5m shouting").await.ok();
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
