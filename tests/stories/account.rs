//! The account itself: password change and deactivation behind user-interactive authentication.

use hearth_tests::{Server, session::PASSWORD};
use serde_json::json;

const NEW_PASSWORD: &str = "a quite different staple";

#[tokio::test]
async fn changing_the_password_wants_the_old_one() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let other = alice.another_device().await;
    let body = json!({ "new_password": NEW_PASSWORD });

    let offer = alice.post("/account/password", body.clone()).await;
    assert_eq!(offer.status, 401);
    let offer = offer.json();
    let flows = offer["flows"].as_array().unwrap();
    assert!(flows.contains(&json!({ "stages": ["m.login.password"] })), "{offer}");
    assert!(offer["params"].is_object(), "{offer}");

    let mut wrong = body.clone();
    wrong["auth"] = alice.password_stage(offer["session"].clone(), "guess");
    let refused = alice.post("/account/password", wrong).await;
    assert_eq!(refused.json()["session"], offer["session"]);
    refused.assert_matrix_error(401, "M_FORBIDDEN");

    let mut right = body;
    right["auth"] = alice.password_stage(offer["session"].clone(), PASSWORD);
    assert_eq!(alice.post("/account/password", right).await.ok(), json!({}));
    server.anonymous().try_login("alice", PASSWORD).await.assert_matrix_error(403, "M_FORBIDDEN");
    let session = server.anonymous().login("alice", NEW_PASSWORD).await;
    assert_eq!(session.user, alice.user);
    // The session that asked stays, the others end.
    assert_eq!(alice.get("/account/whoami").await.ok()["user_id"], alice.user);
    other.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn the_other_sessions_may_stay() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let other = alice.another_device().await;
    let body = json!({ "new_password": NEW_PASSWORD, "logout_devices": false });
    let reply = alice.post_with_password("/account/password", body, PASSWORD).await;
    assert_eq!(reply.ok(), json!({}));
    assert_eq!(other.get("/account/whoami").await.ok()["user_id"], alice.user);
}

#[tokio::test]
async fn a_foreign_session_and_password_change_nothing() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let body = json!({ "new_password": NEW_PASSWORD });
    let offer = alice.post("/account/password", body.clone()).await;
    let session = offer.json()["session"].clone();
    let mut by_eve = body;
    by_eve["auth"] = eve.password_stage(session, PASSWORD);
    alice.post("/account/password", by_eve.clone()).await.assert_matrix_error(403, "M_FORBIDDEN");
    let reply = eve.post("/account/password", by_eve).await;
    assert!(matches!(reply.status, 200 | 400 | 401 | 403), "{}", reply.text());
    let stolen = server.anonymous().try_login("alice", NEW_PASSWORD).await;
    stolen.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(server.anonymous().login("alice", PASSWORD).await.user, alice.user);
}

#[tokio::test]
async fn an_authenticated_session_serves_only_its_own_request() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let lost = alice.another_device().await;
    let devices = json!({ "devices": [lost.device] });
    let offer = alice.post("/delete_devices", devices.clone()).await;
    let session = offer.json()["session"].clone();
    let mut body = devices;
    body["auth"] = alice.password_stage(session.clone(), PASSWORD);
    assert_eq!(alice.post("/delete_devices", body).await.ok(), json!({}));
    let body = json!({ "new_password": NEW_PASSWORD, "auth": { "session": session } });
    let reused = alice.post("/account/password", body).await;
    assert!(matches!(reused.status, 400 | 401 | 403), "{}", reused.text());
    assert_eq!(server.anonymous().login("alice", PASSWORD).await.user, alice.user);
}

#[tokio::test]
async fn a_deactivated_account_is_gone_for_good() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = bob.create_room_with(&[&alice]).await;

    let body = json!({ "erase": false });
    let reply = alice.post_with_password("/account/deactivate", body, PASSWORD).await.ok();
    assert!(reply["id_server_unbind_result"].is_string(), "{reply}");
    alice.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    let login = server.anonymous().try_login("alice", PASSWORD).await;
    assert_eq!(login.status, 403, "{}", login.text());
    let code = login.json()["errcode"].clone();
    assert!(code == "M_USER_DEACTIVATED" || code == "M_FORBIDDEN", "{code}");

    hearth_tests::wait::until("alice leaves her rooms", || async {
        (bob.membership(&room, &alice.user).await == "leave").then_some(())
    })
    .await;
    let body = json!({
        "username": "alice", "password": PASSWORD, "auth": { "type": "m.login.dummy" },
    });
    let again = server.anonymous().post("/register", body).await;
    again.assert_matrix_error(400, "M_USER_IN_USE");
}
