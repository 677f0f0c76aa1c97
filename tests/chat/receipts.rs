//! `@ReadReceipt`: sent, delivered, read; who has read what.

use hearth_tests::{Server, session::PASSWORD};
use serde_json::json;

#[tokio::test]
async fn a_message_is_sent_then_delivered_then_read() {
    let mut server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.direct_room(&bob.user).await;
    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    let said = alice.say(&room, "hello").await;
    assert_eq!(alice.message(&said).await["status"], "sent");
    let elsewhere = bob.create_room("Elsewhere", "public").await;
    bob.messages(&elsewhere, "limit=1").await;
    assert_eq!(alice.message(&said).await["status"], "sent", "he looked elsewhere");
    let since = client.now().await;
    client.sync(Some(&since), 0).await;
    assert_eq!(alice.message(&said).await["status"], "delivered");
    let receipts = alice.get(&format!("/messages/{said}/receipts")).await.ok();
    assert_eq!(receipts["delivered_to"], json!([bob.user]));
    server.terminate();
    server.ended().await;
    server.restart().await;
    assert_eq!(alice.message(&said).await["status"], "delivered");
    bob.post(&format!("/messages/{said}/read"), json!({})).await.done();
    assert_eq!(alice.message(&said).await["status"], "read");
    let later = alice.say(&room, "still there?").await;
    assert_eq!(alice.message(&later).await["status"], "sent");
    assert_eq!(alice.message(&said).await["status"], "read");
}

#[tokio::test]
async fn readers_are_counted_and_named_whichever_api_they_read_with() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    carol.join_room(&room).await;
    let first = alice.say(&room, "one").await;
    let second = alice.say(&room, "two").await;
    bob.post(&format!("/messages/{first}/read"), json!({})).await.done();
    let client = server.anonymous().login(&carol.user, PASSWORD).await;
    client.post(&format!("/rooms/{room}/receipt/m.read/{second}"), json!({})).await.ok();
    let page = bob.messages(&room, "limit=2").await;
    assert_eq!(page["messages"][0]["read_by_count"], 2);
    assert_eq!(page["messages"][1]["read_by_count"], 1);
    let receipts = alice.get(&format!("/messages/{first}/receipts")).await.ok();
    assert_eq!(receipts["read_by_count"], 2);
    let readers = receipts["read_by"].as_array().unwrap().iter();
    let readers: Vec<_> = readers.map(|it| it["user"]["username"].as_str().unwrap()).collect();
    assert_eq!(readers, ["bob", "carol"]);
    assert!(receipts["read_by"][0]["read_at"].is_string());

    let rooms = carol.get("/rooms").await.ok();
    assert_eq!(rooms["rooms"][0]["membership"]["unread_count"], 0);
    let rooms = bob.get("/rooms").await.ok();
    assert_eq!(rooms["rooms"][0]["membership"]["unread_count"], 1);
}
