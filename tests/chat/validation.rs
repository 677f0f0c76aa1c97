//! `@Validation`: what is wrong with an input is named, what is dangerous in it taken out, and who
//! writes too much has to wait. Uploads are checked in `attachments`.

use hearth_tests::{Server, Settings, session::PASSWORD};
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_wrong_with_an_account_is_named() {
    let server = Server::start().await;
    let chat = server.chat();
    let register = async |body: Value| chat.post("/auth/register", body).await;
    register(json!({})).await.assert_invalid(&["username"]);
    register(json!({ "username": "ab", "password": PASSWORD })).await.assert_invalid(&["username"]);
    let long = "x".repeat(21);
    register(json!({ "username": long, "password": PASSWORD })).await.assert_invalid(&["username"]);
    register(json!({ "username": "a.b.c", "password": "short" }))
        .await
        .assert_invalid(&["username"]);
    register(json!({ "username": "abc", "password": "short" })).await.assert_invalid(&["password"]);
    let name = "x".repeat(51);
    let body = json!({ "username": "abc", "password": PASSWORD, "display_name": name });
    register(body).await.assert_invalid(&["display_name"]);
    for name in ["  ", "a\u{7}b", "a\nb"] {
        let body = json!({ "username": "abc", "password": PASSWORD, "display_name": name });
        register(body).await.assert_invalid(&["display_name"]);
    }
    chat.post("/auth/login", json!({ "username": 1, "password": "x" }))
        .await
        .assert_invalid(&["username"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_profile_is_named() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let update = async |body: Value| alice.patch("/users/me", body).await;
    update(json!({ "display_name": "" })).await.assert_invalid(&["display_name"]);
    update(json!({ "display_name": "a\nb" })).await.assert_invalid(&["display_name"]);
    update(json!({ "display_name": "x".repeat(51) })).await.assert_invalid(&["display_name"]);
    update(json!({ "status_message": "x".repeat(101) })).await.assert_invalid(&["status_message"]);
    update(json!({ "status": "asleep" })).await.assert_invalid(&["status"]);
    update(json!({ "avatar": "../x" })).await.assert_invalid(&["avatar"]);
    update(json!({ "status_message": "x".repeat(100) })).await.ok();
    alice.get("/users/search").await.assert_invalid(&["q"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_room_is_named() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let create = async |body: Value| alice.post("/rooms", body).await;
    create(json!({ "type": "public" })).await.assert_invalid(&["name"]);
    create(json!({ "type": "public", "name": "" })).await.assert_invalid(&["name"]);
    let long = "x".repeat(101);
    create(json!({ "type": "public", "name": long })).await.assert_invalid(&["name"]);
    create(json!({ "type": "secret", "name": "x" })).await.assert_invalid(&["type"]);
    create(json!({ "name": "x" })).await.assert_invalid(&["type"]);
    create(json!({ "type": "direct" })).await.assert_invalid(&["user_id"]);
    create(json!({ "type": "direct", "user_id": "bob" })).await.assert_invalid(&["user_id"]);
    let unknown = create(json!({ "type": "direct", "user_id": "@nobody:hearth.test" })).await;
    unknown.assert_problem(404, "not-found");
    alice.get("/rooms?limit=0").await.assert_invalid(&["limit"]);
    alice.get("/rooms?limit=x").await.assert_invalid(&["limit"]);
    alice.get("/rooms/nonsense").await.assert_problem(404, "not-found");
    alice.get("/rooms/!nowhere:hearth.test").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn contents_are_checked_and_harmless() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    for bad in ["", "   ", &"x".repeat(10_001)] {
        alice.try_say(&room, bad).await.assert_invalid(&["content"]);
    }
    let longest = "ä".repeat(10_000);
    let sent = alice.try_say(&room, &longest).await.created();
    assert_eq!(sent["content"], longest.as_str());
    alice.post(&format!("/rooms/{room}/messages"), json!({})).await.assert_invalid(&["content"]);

    let sent = alice.try_say(&room, "*x* <img src=x onerror=alert(1)>").await.created();
    let html = sent["formatted_content"].as_str().unwrap();
    assert!(html.contains("<em>x</em>") && !html.contains("<img"), "{html}");
    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    let content = json!({
        "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
        "formatted_body": "<b onclick=\"alert(1)\">x</b><script>alert(1)</script>",
    });
    let evil = client.send(&room, "m.room.message", content).await;
    assert_eq!(alice.message(&evil).await["formatted_content"], "<b>x</b>");
    let mut endless = "<p>".to_owned();
    (0..1_500).for_each(|number| endless += &format!("<b a={number}>"));
    endless += &"<p>x".repeat(6_000);
    let content = json!({
        "msgtype": "m.text", "body": "*short*", "format": "org.matrix.custom.html",
        "formatted_body": endless,
    });
    let endless = client.send(&room, "m.room.message", content).await;
    let shown = alice.message(&endless).await;
    assert_eq!(shown["formatted_content"], "<p><em>short</em></p>");
}

#[tokio::test]
async fn ten_messages_in_ten_seconds_are_enough() {
    let server =
        Server::start_with(Settings::default().literal("rate_limit.enabled", "true")).await;
    let [alice] = server.chatters(["alice"]).await;
    let room = alice.create_room("Hearth", "public").await;
    for number in 0..10 {
        alice.say(&room, &number.to_string()).await;
    }
    let refused = alice.try_say(&room, "one more").await;
    refused.assert_problem(429, "limit-exceeded");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
}
