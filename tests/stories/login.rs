//! Sessions: password, login token, refresh, logout.

use hearth_tests::{Server, session::PASSWORD, signing::Keys};
use serde_json::json;

#[tokio::test]
async fn a_password_logs_in_however_the_user_is_named() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let nobody = server.anonymous();
    for name in ["alice", "@alice:hearth.test"] {
        let session = nobody.login(name, PASSWORD).await;
        assert_eq!(session.user, alice.user);
        assert_ne!(session.device, alice.device);
    }
    let old_style = json!({ "type": "m.login.password", "user": "alice", "password": PASSWORD });
    let session = nobody.post("/login", old_style).await.ok();
    assert_eq!(session["user_id"], alice.user);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_are_refused_alike() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let nobody = server.anonymous();
    let wrong =
        nobody.try_login(&alice.user, "guess").await.assert_matrix_error(403, "M_FORBIDDEN");
    let unknown =
        nobody.try_login("nobody", PASSWORD).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(wrong["error"], unknown["error"]);
    let strange = nobody.post("/login", json!({ "type": "m.login.divination" })).await;
    assert_eq!(strange.status, 400, "{}", strange.text());
    assert!(strange.json()["errcode"].is_string());
}

#[tokio::test]
async fn logging_in_on_a_known_device_ends_its_old_token() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": "alice" },
        "password": PASSWORD,
        "device_id": alice.device,
    });
    let session = server.anonymous().post("/login", body).await.ok();
    assert_eq!(session["device_id"], alice.device.as_str());
    assert_ne!(session["access_token"].as_str(), alice.token.as_deref());
    alice.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    let devices = alice.with_session(&session).get("/devices").await.ok();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_login_token_logs_in_once() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = "/_matrix/client/v1/login/get_token";
    let granted = alice.post_with_password(path, json!({}), PASSWORD).await.ok();
    assert!(granted["expires_in_ms"].as_u64().is_some_and(|ms| ms > 0), "{granted}");
    let body = json!({ "type": "m.login.token", "token": granted["login_token"] });
    let nobody = server.anonymous();
    let session = nobody.post("/login", body.clone()).await.ok();
    assert_eq!(session["user_id"], alice.user);
    nobody.post("/login", body).await.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn refresh_tokens_renew_the_access_token() {
    let server = Server::start().await;
    server.register("alice").await;
    let nobody = server.anonymous();
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": "alice" },
        "password": PASSWORD,
        "refresh_token": true,
    });
    let session = nobody.post("/login", body).await.ok();
    assert!(session["expires_in_ms"].as_u64().is_some_and(|ms| ms > 0), "{session}");
    let first = json!({ "refresh_token": session["refresh_token"] });
    let renewed = nobody.post("/refresh", first.clone()).await.ok();
    assert_ne!(renewed["access_token"], session["access_token"]);

    let alice = nobody.with_session(&session);
    let alice = alice.with_token(renewed["access_token"].as_str().unwrap());
    let whoami = alice.get("/account/whoami").await.ok();
    assert_eq!(whoami["device_id"], session["device_id"]);
    // The new token has been used, which ends the old pair.
    nobody.post("/refresh", first).await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    let old = alice.with_token(session["access_token"].as_str().unwrap());
    old.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn logout_ends_one_session_and_logout_all_ends_every_one() {
    let server = Server::start().await;
    let phone = server.register("alice").await;
    let laptop = phone.another_device().await;
    let tablet = phone.another_device().await;
    assert_eq!(phone.post("/logout", json!({})).await.ok(), json!({}));
    phone.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    let devices = laptop.get("/devices").await.ok();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2, "the device went with its session");

    assert_eq!(laptop.post("/logout/all", json!({})).await.ok(), json!({}));
    for session in [laptop, tablet] {
        session.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    }
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let mut server = Server::start().await;
    let alice = server.register("alice").await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    server.restart().await;
    assert_eq!(alice.get("/account/whoami").await.ok()["user_id"], alice.user);
    let again = server.anonymous().login("alice", PASSWORD).await;
    assert_eq!(again.user, alice.user);
}

#[tokio::test]
async fn a_device_is_not_called_like_a_cross_signing_key() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let public = Keys::from_seed(1).public();
    let master = json!({
        "user_id": alice.user,
        "usage": ["master"],
        "keys": { format!("ed25519:{public}"): public },
    });
    let path = "/keys/device_signing/upload";
    alice.post(path, json!({ "master_key": master })).await.ok();
    let login = |device: &str| {
        json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": "alice" },
            "password": PASSWORD,
            "device_id": device,
        })
    };
    let refused = server.anonymous().post("/login", login(&public)).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    server.anonymous().post("/login", login("OTHER")).await.ok();
}
