//! `@Message`: reading, writing, editing, deleting, answering; each seen through both APIs.

use hearth_tests::{Chat, Client, Server, rooms::bodies, session::PASSWORD};
use serde_json::{Value, json};

fn contents(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

async fn matrix(server: &Server, chat: &Chat) -> Client {
    server.anonymous().login(&chat.user, PASSWORD).await
}

async fn two_in_a_room() -> (Server, Chat, Chat, String) {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    (server, alice, bob, room)
}

#[tokio::test]
async fn a_message_is_an_event_and_an_event_is_a_message() {
    let (server, alice, bob, room) = two_in_a_room().await;
    let sent = alice.try_say(&room, "hello **world** 👋").await.created();
    let id = sent["id"].as_str().unwrap();
    assert_eq!(sent["type"], "text");
    assert_eq!(sent["content"], "hello **world** 👋");
    assert_eq!(sent["formatted_content"], "<p>hello <strong>world</strong> 👋</p>");
    assert_eq!(sent["room_id"], room.as_str());
    assert_eq!(sent["sender"]["username"], "alice");
    assert_eq!(sent["status"], "sent");
    assert_eq!((&sent["edited_at"], &sent["is_deleted"]), (&Value::Null, &json!(false)));

    let client = matrix(&server, &bob).await;
    let event = client.event(&room, id).await.ok();
    assert_eq!(event["type"], "m.room.message");
    assert_eq!(event["content"]["body"], "hello **world** 👋");
    assert_eq!(event["content"]["formatted_body"], sent["formatted_content"]);

    let said = client.say(&room, "hi from elsewhere").await;
    let message = alice.message(&said).await;
    assert_eq!(message["content"], "hi from elsewhere");
    assert_eq!(message["sender"]["id"], bob.user.as_str());
    assert_eq!(message["status"], Value::Null);
}

#[tokio::test]
async fn a_message_that_is_sent_twice_is_there_once() {
    let (_server, alice, bob, room) = two_in_a_room().await;
    let path = format!("/rooms/{room}/messages");
    let body = json!({ "content": "once", "client_id": "m1" });
    let first = alice.post(&path, body.clone()).await.created();
    let again = alice.post(&path, body).await.ok();
    assert_eq!(first, again);
    assert_eq!(first["client_id"], "m1");
    let page = bob.messages(&room, "limit=2").await;
    assert_eq!(contents(&page), ["bob joined", "once"]);
    assert_eq!(page["messages"][1]["client_id"], Value::Null, "the name is the sender's own");
}

#[tokio::test]
async fn an_edit_is_seen_in_both_apis() {
    let (server, alice, bob, room) = two_in_a_room().await;
    let id = alice.say(&room, "helo").await;
    let edited = alice.put(&format!("/messages/{id}"), json!({ "content": "hello" })).await.ok();
    assert_eq!(edited["content"], "hello");
    assert!(edited["edited_at"].is_string());
    assert_eq!(contents(&bob.messages(&room, "limit=1").await), ["hello"]);
    let client = matrix(&server, &alice).await;
    let event = client.event(&room, &id).await.ok();
    let replacement = &event["unsigned"]["m.relations"]["m.replace"]["content"];
    assert_eq!(replacement["m.new_content"]["body"], "hello");

    let new = json!({ "msgtype": "m.text", "body": "hello!" });
    let relation = json!({ "rel_type": "m.replace", "event_id": id });
    let rest = json!({ "msgtype": "m.text", "body": "* hello!", "m.new_content": new });
    client.relate(&room, "m.room.message", relation, rest).await;
    assert_eq!(bob.message(&id).await["content"], "hello!");

    let path = format!("/messages/{id}");
    bob.put(&path, json!({ "content": "mine" })).await.assert_problem(403, "forbidden");
    alice.put(&path, json!({ "content": "" })).await.assert_invalid(&["content"]);
}

#[tokio::test]
async fn a_deleted_message_keeps_its_place_and_loses_what_it_said() {
    let (server, alice, bob, room) = two_in_a_room().await;
    let first = bob.say(&room, "secret").await;
    bob.put(&format!("/messages/{first}"), json!({ "content": "still secret" })).await.ok();
    let second = bob.say(&room, "more").await;
    let others = alice.say(&room, "mine").await;
    bob.delete(&format!("/messages/{others}")).await.assert_problem(403, "forbidden");
    bob.delete(&format!("/messages/{first}")).await.done();
    bob.delete(&format!("/messages/{first}")).await.done();
    alice.delete(&format!("/messages/{second}")).await.done();

    let page = alice.messages(&room, "limit=3").await;
    assert_eq!(contents(&page), ["[deleted]", "[deleted]", "mine"]);
    let deleted = &page["messages"][0];
    assert_eq!((&deleted["id"], &deleted["is_deleted"]), (&json!(first), &json!(true)));
    let edit = bob.put(&format!("/messages/{first}"), json!({ "content": "x" })).await;
    edit.assert_problem(409, "deleted");

    let client = matrix(&server, &alice).await;
    let events = client.all_messages(&room, "f", 50, None).await;
    assert_eq!(bodies(&events), ["mine"], "the edit is gone too");
    client.redact(&room, &others).await;
    assert_eq!(alice.message(&others).await["content"], "[deleted]");
}

#[tokio::test]
async fn a_deleted_message_loses_all_of_its_edits() {
    let (server, alice, bob, room) = two_in_a_room().await;
    let client = matrix(&server, &alice).await;
    let said = client.say(&room, "edit 0").await;
    let mut edits = Vec::new();
    for number in 1..=70 {
        let content = json!({
            "m.new_content": { "msgtype": "m.text", "body": format!("edit {number}") },
        });
        let relation = json!({ "rel_type": "m.replace", "event_id": said });
        edits.push(client.relate(&room, "m.room.message", relation, content).await);
    }
    alice.delete(&format!("/messages/{said}")).await.done();
    for edit in [&edits[0], &edits[35], &edits[69]] {
        let event = matrix(&server, &bob).await.event(&room, edit).await.ok();
        assert_eq!(event["content"], json!({}), "{event}");
    }
    alice.delete(&format!("/messages/{said}")).await.done();
}

#[tokio::test]
async fn answers_name_what_they_answer_to() {
    let (server, alice, bob, room) = two_in_a_room().await;
    let client = matrix(&server, &alice).await;
    let path = format!("/rooms/{room}/messages");
    let question = alice.say(&room, "why?").await;
    let answer = json!({ "content": "because", "parent_message_id": question });
    let answer = bob.post(&path, answer).await.created();
    assert_eq!(answer["parent_message_id"], question.as_str());
    assert_eq!(answer["thread_id"], Value::Null);
    let event = client.event(&room, answer["id"].as_str().unwrap()).await.ok();
    let relates = json!({ "m.in_reply_to": { "event_id": question } });
    assert_eq!(event["content"]["m.relates_to"], relates);
    assert_eq!(event["content"]["m.mentions"]["user_ids"], json!([alice.user]));

    let threaded = json!({ "content": "in detail", "thread_id": question });
    let threaded = bob.post(&path, threaded).await.created();
    assert_eq!(threaded["thread_id"], question.as_str());
    assert_eq!(threaded["parent_message_id"], question.as_str());
    let deeper = json!({ "content": "really?", "parent_message_id": threaded["id"] });
    let deeper = alice.post(&path, deeper).await.created();
    assert_eq!(deeper["thread_id"], question.as_str());
    assert_eq!(deeper["parent_message_id"], threaded["id"]);
    let thread = alice.get(&format!("/messages/{question}/thread")).await.ok();
    assert_eq!(contents(&thread), ["in detail", "really?"]);
    assert_eq!(alice.message(&question).await["thread_count"], 2);
    let event = client.event(&room, &question).await.ok();
    assert_eq!(event["unsigned"]["m.relations"]["m.thread"]["count"], 2);

    let nowhere = json!({ "content": "x", "parent_message_id": "$nothing" });
    bob.post(&path, nowhere).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn members_coming_and_going_are_system_messages() {
    let (_server, alice, bob, room) = two_in_a_room().await;
    bob.patch("/users/me", json!({ "display_name": "Robert" })).await.ok();
    bob.post(&format!("/rooms/{room}/leave"), json!({})).await.done();
    alice.put(&format!("/rooms/{room}"), json!({ "name": "Stove" })).await.ok();
    let page = alice.messages(&room, "limit=10").await;
    let expected = ["alice joined", "bob joined", "Robert left", "alice named the room Stove"];
    // How somebody is called is how they are called in the room now.
    let found = contents(&page);
    assert_eq!((found.len(), found[0], found[3]), (4, expected[0], expected[3]), "{found:?}");
    let left = &page["messages"][2];
    assert_eq!(left["type"], "system");
    assert_eq!(left["system"], json!({ "kind": "left", "user_id": bob.user }));
    let id = left["id"].as_str().unwrap();
    alice.delete(&format!("/messages/{id}")).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn mentions_are_told_to_matrix() {
    let (server, alice, bob, room) = two_in_a_room().await;
    let id = alice.say(&room, "hi @Bob and @nobody, @room").await;
    let event = matrix(&server, &bob).await.event(&room, &id).await.ok();
    let mentions = json!({ "user_ids": [bob.user], "room": true });
    assert_eq!(event["content"]["m.mentions"], mentions);
}
