//! `@Presence`: who is there, what they look at, and when they are gone. Typing and what else is
//! told live are in `websocket`.

use std::time::{Duration, Instant};

use hearth_tests::{Chat, Server, session::PASSWORD, socket::Socket};
use reqwest::Method;
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

/// Waits until somebody is told that another one is that.
async fn until_told(socket: &mut Socket, user: &str, status: &str) {
    loop {
        let told = socket.next_of("presence_updated").await;
        if told["user_id"] == user && told["status"] == status {
            return;
        }
    }
}

#[tokio::test]
async fn who_disconnects_is_away_until_they_come_back_or_are_gone() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    alice.room_with(&[&bob]).await;
    let mut watching = alice.socket().await;
    let status = async || alice.get(&format!("/users/{}", bob.user)).await.ok()["status"].clone();
    let phone = bob.socket().await;
    let laptop = bob.socket().await;
    drop(phone);
    assert_eq!(status().await, "online", "one is still there");
    drop(laptop);
    until_told(&mut watching, &bob.user, "away").await;
    assert_eq!(status().await, "away");
    let phone = bob.socket().await;
    until_told(&mut watching, &bob.user, "online").await;
    drop(phone);
    until_told(&mut watching, &bob.user, "away").await;
    let stream = bob.request(Method::GET, "/events").send().await.unwrap();
    until_told(&mut watching, &bob.user, "online").await;
    drop(stream);
    until_told(&mut watching, &bob.user, "away").await;
    let left_at = Instant::now();
    until_told(&mut watching, &bob.user, "offline").await;
    let took = left_at.elapsed();
    assert!((Duration::from_secs(14)..Duration::from_secs(20)).contains(&took), "{took:?}");
    assert_eq!(status().await, "offline");
}
