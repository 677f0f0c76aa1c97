//! Credentials for the TURN servers of calls.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_tests::{Server, Settings};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;

#[tokio::test]
async fn the_turn_server_can_check_the_password() {
    let settings = Settings::default()
        .literal("voip.turn_uris", r#"["turn:turn.hearth.test:3478?transport=udp"]"#)
        .text("voip.turn_shared_secret", "north")
        .literal("voip.turn_lifetime_seconds", "600");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let turn = alice.get("/voip/turnServer").await.ok();
    assert_eq!(turn["uris"], json!(["turn:turn.hearth.test:3478?transport=udp"]));
    assert_eq!(turn["ttl"], 600);
    let name = turn["username"].as_str().unwrap();
    let (expires, user) = name.split_once(':').unwrap();
    assert_eq!(user, alice.user);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expires: u64 = expires.parse().unwrap();
    assert!((now + 500..=now + 600).contains(&expires), "{expires} at {now}");
    let mut mac = Hmac::<Sha1>::new_from_slice(b"north").unwrap();
    mac.update(name.as_bytes());
    assert_eq!(turn["password"], STANDARD.encode(mac.finalize().into_bytes()));
}

#[tokio::test]
async fn a_server_without_turn_says_nothing() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    assert_eq!(alice.get("/voip/turnServer").await.ok(), json!({}));
    server.anonymous().get("/voip/turnServer").await.assert_matrix_error(401, "M_MISSING_TOKEN");
}
