//! `@Authentication`: tokens, what they are bound to, and who gets one.

use std::time::Duration;

use hearth_tests::{Chat, Server, Settings, session::PASSWORD};
use serde_json::{Value, json};

async fn is_logged_in(chat: &Chat) -> bool {
    match chat.get("/auth/me").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn who_registers_is_logged_in_in_both_apis() {
    let server = Server::start().await;
    let body = json!({ "username": "Alice_1", "password": PASSWORD, "display_name": "Alice" });
    let session = server.chat().post("/auth/register", body.clone()).await.created();
    assert_eq!(session["token_type"], "Bearer");
    let alice = server.chat().with_session(&session);
    let me = alice.get("/auth/me").await.ok();
    assert_eq!(me["id"], session["user"]["id"]);
    assert_eq!(me["id"], "@alice_1:hearth.test");
    assert_eq!(me["username"], "alice_1");
    assert_eq!(me["display_name"], "Alice");
    assert_eq!(me["avatar_url"], Value::Null);
    assert!(me["created_at"].as_str().unwrap().ends_with('Z'));
    server.chat().post("/auth/register", body).await.assert_problem(409, "user-in-use");

    let client = server.anonymous().login("alice_1", PASSWORD).await;
    let profile = client.get(&format!("/profile/{}", client.user)).await.ok();
    assert_eq!(profile["displayname"], "Alice");
    let bob = server.register("bob").await;
    assert_eq!(server.chat().login_as(&bob).await.user, bob.user);
    assert_eq!(server.chat().login("bob").await.user, bob.user);
}

#[tokio::test]
async fn a_token_is_needed_and_has_to_be_ours() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    server.chat().get("/auth/me").await.assert_problem(401, "unauthorized");
    let client = server.anonymous().login("alice", PASSWORD).await;
    let token = alice.token.clone().unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let without_signature = format!("{}.{}.", parts[0], parts[1]);
    let forged = format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86));
    for bad in ["", "x", &client.token.unwrap(), &without_signature, &forged] {
        let reply = alice.with_token(bad).get("/auth/me").await;
        reply.assert_problem(401, "unauthorized");
    }
    assert!(is_logged_in(&alice).await);
    let wrong = json!({ "username": "alice", "password": "wrong" });
    server.chat().post("/auth/login", wrong).await.assert_problem(401, "wrong-credentials");
    let nobody = json!({ "username": "nobody", "password": "wrong" });
    server.chat().post("/auth/login", nobody).await.assert_problem(401, "wrong-credentials");
}

#[tokio::test]
async fn a_token_ends_with_its_session_and_no_other() {
    let server = Server::start().await;
    let [first] = server.chatters(["alice"]).await;
    let second = server.chat().login("alice").await;
    first.post("/auth/logout", json!({})).await.done();
    assert!(!is_logged_in(&first).await);
    assert!(is_logged_in(&second).await);

    let client = server.anonymous().login("alice", PASSWORD).await;
    let new = json!({ "new_password": "another password", "logout_devices": true });
    client.post_with_password("/account/password", new, PASSWORD).await.ok();
    assert!(!is_logged_in(&second).await);

    let login = json!({ "username": "alice", "password": "another password" });
    let third = server.chat().post("/auth/login", login).await.ok();
    let third = server.chat().with_session(&third);
    let body = json!({ "erase": false });
    client.post_with_password("/account/deactivate", body, "another password").await.ok();
    assert!(!is_logged_in(&third).await);
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_its_token_is_refreshed() {
    let mut server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    server.kill();
    server.restart().await;
    assert!(is_logged_in(&alice).await);
    let body = json!({ "refresh_token": alice.refresh_token });
    let refreshed = server.chat().post("/auth/refresh", body.clone()).await.ok();
    let refreshed = server.chat().with_session(&refreshed);
    assert_eq!(refreshed.user, alice.user);
    assert!(is_logged_in(&refreshed).await);
    assert!(!is_logged_in(&alice).await, "the new token is used");
    server.chat().post("/auth/refresh", body).await.assert_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_token_expires() {
    let settings = Settings::default().literal("chat.token_lifetime_seconds", "2");
    let server = Server::start_with(settings).await;
    let [alice] = server.chatters(["alice"]).await;
    assert!(is_logged_in(&alice).await);
    hearth_tests::wait::until("the token to expire", || async {
        (!is_logged_in(&alice).await).then_some(())
    })
    .await;
    let body = json!({ "refresh_token": alice.refresh_token });
    let refreshed = server.chat().post("/auth/refresh", body).await.ok();
    assert!(is_logged_in(&server.chat().with_session(&refreshed)).await);
}

#[tokio::test]
async fn the_public_key_verifies_tokens() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};

    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let keys = server.chat().get("/auth/jwks").await.ok();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let public: [u8; 32] = decode(key["x"].as_str().unwrap()).try_into().unwrap();
    let public = VerifyingKey::from_bytes(&public).unwrap();
    let token = alice.token.unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&decode(signature)).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    let claims = signed.split_once('.').unwrap().1;
    let claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
    assert_eq!(claims["sub"], "@alice:hearth.test");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(Duration::from_secs(lifetime), Duration::from_secs(24 * 60 * 60));
}

#[tokio::test]
async fn closed_registration_is_closed_here_too() {
    let closed = Server::start_with(Settings::default().text("registration.mode", "closed")).await;
    let body = json!({ "username": "alice", "password": PASSWORD });
    closed.chat().post("/auth/register", body.clone()).await.assert_problem(403, "forbidden");

    let settings = Settings::default()
        .text("registration.mode", "token")
        .literal("registration.tokens", r#"["friends"]"#);
    let server = Server::start_with(settings).await;
    let register = async |body: &Value| server.chat().post("/auth/register", body.clone()).await;
    let mut body = body;
    register(&body).await.assert_invalid(&["registration_token"]);
    body["registration_token"] = json!("strangers");
    register(&body).await.assert_problem(403, "forbidden");
    body["registration_token"] = json!("friends");
    register(&body).await.created();
}

#[tokio::test]
async fn logins_are_limited() {
    let settings = Settings::default()
        .literal("rate_limit.enabled", "true")
        .literal("rate_limit.failed_logins", "{ per_second = 0.01, burst = 2 }");
    let server = Server::start_with(settings).await;
    server.register("alice").await;
    let wrong = json!({ "username": "alice", "password": "wrong" });
    for _ in 0..2 {
        let reply = server.chat().post("/auth/login", wrong.clone()).await;
        reply.assert_problem(401, "wrong-credentials");
    }
    let limited = server.chat().post("/auth/login", wrong).await;
    limited.assert_problem(429, "limit-exceeded");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() > 1);
}

#[tokio::test]
async fn locked_and_suspended_accounts_are_treated_as_in_matrix() {
    let server = Server::start().await;
    let admin = server.administrator("root").await;
    let [alice] = server.chatters(["alice"]).await;
    let set = async |what: &str, value: bool| {
        let path = format!("/_matrix/client/v1/admin/{what}/{}", alice.user);
        let field = if what == "lock" { "locked" } else { "suspended" };
        admin.put(&path, json!({ field: value })).await.ok();
    };
    set("lock", true).await;
    alice.get("/auth/me").await.assert_problem(401, "user-locked");
    let body = json!({ "username": "alice", "password": PASSWORD });
    server.chat().post("/auth/login", body).await.assert_problem(401, "user-locked");
    set("lock", false).await;
    set("suspend", true).await;
    assert_eq!(alice.get("/auth/me").await.ok()["is_suspended"], true);
}
