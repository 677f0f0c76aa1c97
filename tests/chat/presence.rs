//! `@Presence`: who is there, and what they look at. Typing and what is told live are in
//! `websocket`.

use hearth_tests::{Chat, Server, session::PASSWORD};
use serde_json::json;

#[tokio::test]
async fn presence_is_told_to_those_who_share_a_room() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob]).await;
    let seen_by = async |chat: &Chat| {
        chat.get(&format!("/users/{}", alice.user)).await.ok()["status"].clone()
    };
    assert_eq!(seen_by(&bob).await, "online");
    assert_eq!(seen_by(&carol).await, "offline", "they share no room");
    for status in ["away", "busy", "offline", "online"] {
        let update = json!({ "status": status, "current_room_id": room });
        assert_eq!(alice.patch("/users/me", update).await.ok()["status"], status);
        assert_eq!(seen_by(&bob).await, status);
    }
    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    let path = format!("/presence/{}/status", alice.user);
    assert_eq!(client.get(&path).await.ok()["presence"], "online");
    let seen = bob.get(&format!("/users/{}", alice.user)).await.ok();
    assert_eq!(seen["current_room_id"], room.as_str());
    alice.patch("/users/me", json!({ "status": "away" })).await.ok();
    assert_eq!(client.get(&path).await.ok()["presence"], "unavailable");
}
