//! Making an account: open, by token, closed, and by the shared secret.

use hearth_tests::{
    Client, Reply, Server, Settings,
    session::{PASSWORD, registration_mac},
    settings::SHARED_SECRET,
};
use serde_json::{Value, json};

const ADMIN_REGISTER: &str = "/_synapse/admin/v1/register";

async fn register(client: &Client, username: &str, auth: Option<Value>) -> Reply {
    let mut body = json!({ "username": username, "password": PASSWORD });
    if let Some(auth) = auth {
        body["auth"] = auth;
    }
    client.post("/register", body).await
}

#[tokio::test]
async fn an_account_is_made_after_the_dummy_stage() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let refused = register(&nobody, "alice", None).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    let offer = refused.json();
    let flows = offer["flows"].as_array().unwrap();
    assert!(flows.contains(&json!({ "stages": ["m.login.dummy"] })), "{offer}");

    let auth = json!({ "type": "m.login.dummy", "session": offer["session"] });
    let session = register(&nobody, "alice", Some(auth)).await.ok();
    assert_eq!(session["user_id"], "@alice:hearth.test");
    let alice = nobody.with_session(&session);
    let whoami = alice.get("/account/whoami").await.ok();
    assert_eq!(whoami["user_id"], "@alice:hearth.test");
    assert_eq!(whoami["device_id"], session["device_id"]);
}

#[tokio::test]
async fn a_registration_may_name_its_device_or_want_none() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let mut body = json!({
        "username": "alice", "password": PASSWORD, "auth": { "type": "m.login.dummy" },
        "device_id": "KITCHEN", "initial_device_display_name": "the tablet",
    });
    let session = nobody.post("/register", body.clone()).await.ok();
    assert_eq!(session["device_id"], "KITCHEN");
    let alice = nobody.with_session(&session);
    let device = alice.get("/devices/KITCHEN").await.ok();
    assert_eq!(device["display_name"], "the tablet");

    body["username"] = json!("bob");
    body["inhibit_login"] = json!(true);
    let without = nobody.post("/register", body).await.ok();
    assert_eq!(without["user_id"], "@bob:hearth.test");
    assert!(without["access_token"].is_null() && without["device_id"].is_null());
}

#[tokio::test]
async fn bad_and_taken_names_are_refused() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let dummy = || Some(json!({ "type": "m.login.dummy" }));
    nobody.register("alice").await;
    register(&nobody, "alice", dummy()).await.assert_matrix_error(400, "M_USER_IN_USE");
    let long = "a".repeat(256);
    for name in ["with space", "sl@sh", long.as_str()] {
        register(&nobody, name, dummy()).await.assert_matrix_error(400, "M_INVALID_USERNAME");
    }
    let shouted = register(&nobody, "BOB", dummy()).await.ok();
    assert_eq!(shouted["user_id"], "@bob:hearth.test");
}

#[tokio::test]
async fn availability_can_be_asked() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let path = "/register/available?username=";
    assert_eq!(nobody.get(&format!("{path}alice")).await.ok()["available"], json!(true));
    nobody.register("alice").await;
    let taken = nobody.get(&format!("{path}alice")).await;
    taken.assert_matrix_error(400, "M_USER_IN_USE");
    let bad = nobody.get(&format!("{path}not%20a%20name")).await;
    bad.assert_matrix_error(400, "M_INVALID_USERNAME");
}

#[tokio::test]
async fn guests_and_unknown_kinds_are_refused() {
    let server = Server::start().await;
    let guest = server.anonymous().post("/register?kind=guest", json!({})).await;
    assert!(matches!(guest.status, 403 | 404), "{}", guest.text());
    assert!(guest.json()["errcode"].is_string());
}

#[tokio::test]
async fn a_closed_server_registers_nobody_by_itself() {
    let server = Server::start_with(Settings::default().text("registration.mode", "closed")).await;
    let dummy = json!({ "type": "m.login.dummy" });
    let refused = register(&server.anonymous(), "alice", Some(dummy)).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    let validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token=x";
    server.anonymous().get(validity).await.assert_matrix_error(403, "M_FORBIDDEN");
    let admin = by_secret(&server.anonymous(), "alice", SHARED_SECRET).await.ok();
    assert_eq!(admin["user_id"], "@alice:hearth.test");
}

#[tokio::test]
async fn a_registration_token_opens_the_door() {
    let settings = Settings::default()
        .text("registration.mode", "token")
        .literal("registration.tokens", r#"["welcome"]"#);
    let server = Server::start_with(settings).await;
    let nobody = server.anonymous();
    let validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token=";
    let known = nobody.get(&format!("{validity}welcome")).await.ok();
    assert_eq!(known["valid"], json!(true));
    let unknown = nobody.get(&format!("{validity}strange")).await.ok();
    assert_eq!(unknown["valid"], json!(false));

    let offer = register(&nobody, "alice", None).await;
    assert_eq!(offer.status, 401);
    let session = offer.json()["session"].clone();
    let kind = "m.login.registration_token";
    let stage = |token: &str| json!({ "type": kind, "token": token, "session": session });
    let wrong = register(&nobody, "alice", Some(stage("strange"))).await;
    assert_eq!(wrong.status, 401, "{}", wrong.text());
    assert!(wrong.json()["errcode"].is_string(), "{}", wrong.text());
    let right = register(&nobody, "alice", Some(stage("welcome"))).await.ok();
    assert_eq!(right["user_id"], "@alice:hearth.test");
}

async fn by_secret(client: &Client, user: &str, secret: &str) -> Reply {
    let nonce = client.get(ADMIN_REGISTER).await.ok()["nonce"].as_str().unwrap().to_owned();
    let body = json!({
        "nonce": nonce,
        "username": user,
        "password": PASSWORD,
        "admin": true,
        "mac": registration_mac(secret, &nonce, user, PASSWORD, true),
    });
    client.post(ADMIN_REGISTER, body).await
}

#[tokio::test]
async fn the_shared_secret_makes_accounts() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let session = by_secret(&nobody, "root", SHARED_SECRET).await.ok();
    assert_eq!(session["user_id"], "@root:hearth.test");
    assert_eq!(session["home_server"], "hearth.test");
    let root = nobody.with_session(&session);
    assert_eq!(root.get("/account/whoami").await.ok()["user_id"], "@root:hearth.test");

    let wrong = by_secret(&nobody, "eve", "guessed").await;
    wrong.assert_matrix_error(403, "M_FORBIDDEN");
    let twice = by_secret(&nobody, "root", SHARED_SECRET).await;
    twice.assert_matrix_error(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn a_nonce_serves_once() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let nonce = nobody.get(ADMIN_REGISTER).await.ok()["nonce"].as_str().unwrap().to_owned();
    let body = |user: &str| {
        json!({
            "nonce": nonce, "username": user, "password": PASSWORD, "admin": false,
            "mac": registration_mac(SHARED_SECRET, &nonce, user, PASSWORD, false),
        })
    };
    let first = nobody.post(ADMIN_REGISTER, body("one")).await.ok();
    assert_eq!(first["user_id"], "@one:hearth.test");
    let again = nobody.post(ADMIN_REGISTER, body("two")).await;
    assert_eq!(again.status, 400, "{}", again.text());
    assert!(again.json()["errcode"].is_string());
}
