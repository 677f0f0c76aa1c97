//! Accounts of application services: registering them, acting as them, and names that are theirs.

use hearth_tests::{Client, Server, Settings, session::PASSWORD};
use serde_json::{Value, json};
use tempfile::TempDir;

const TOKEN: &str = "the-token-of-the-service";
const REGISTRATION: &str = r##"
id: bridge
url: null
as_token: the-token-of-the-service
hs_token: the-token-of-the-server
sender_localpart: bridgebot
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: "@_bridge_.*:hearth\\.test"
  aliases: []
  rooms: []
"##;

/// A server with one application service, and the service as a client.
async fn server() -> (Server, Client, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bridge.yaml");
    std::fs::write(&file, REGISTRATION).unwrap();
    let files = serde_json::to_string(&[file.to_str().unwrap()]).unwrap();
    let settings = Settings::default()
        .literal("appservice.registration_files", &files)
        .text("registration.mode", "closed");
    let server = Server::start_with(settings).await;
    let service = server.anonymous().with_token(TOKEN);
    (server, service, directory)
}

fn wish(localpart: &str) -> Value {
    json!({ "type": "m.login.application_service", "username": localpart })
}

#[tokio::test]
async fn a_service_registers_users_of_its_namespace() {
    let (server, service, _directory) = server().await;
    let mut quiet = wish("_bridge_ann");
    quiet["inhibit_login"] = json!(true);
    let ann = service.post("/register", quiet.clone()).await.ok();
    assert_eq!(ann, json!({ "user_id": "@_bridge_ann:hearth.test" }));
    service.post("/register", quiet).await.assert_matrix_error(400, "M_USER_IN_USE");
    let bob = service.post("/register", wish("_bridge_bob")).await.ok();
    assert!(bob["access_token"].is_string() && bob["device_id"].is_string(), "{bob}");
    let bob = server.anonymous().with_session(&bob);
    assert_eq!(bob.get("/account/whoami").await.ok()["user_id"], "@_bridge_bob:hearth.test");

    let stranger = service.post("/register", wish("stranger")).await;
    stranger.assert_matrix_error(400, "M_EXCLUSIVE");
    let bad = service.post("/register", wish("_bridge_!")).await;
    bad.assert_matrix_error(400, "M_INVALID_USERNAME");
    let nobody = server.anonymous().post("/register", wish("_bridge_eve")).await;
    nobody.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn a_service_acts_and_logs_in_as_its_users() {
    let (server, service, _directory) = server().await;
    service.post("/register", wish("_bridge_ann")).await.ok();
    let ann = "@_bridge_ann:hearth.test";
    let whoami = service.get("/account/whoami").await.ok();
    assert_eq!(whoami["user_id"], "@bridgebot:hearth.test");
    let whoami = service.get(&format!("/account/whoami?user_id={ann}")).await.ok();
    assert_eq!(whoami["user_id"], ann);
    let other = service.get("/account/whoami?user_id=@alice:hearth.test").await;
    other.assert_matrix_error(403, "M_FORBIDDEN");

    let login = |user: &str| {
        json!({
            "type": "m.login.application_service",
            "identifier": { "type": "m.id.user", "user": user },
        })
    };
    assert_eq!(service.post("/login", login(ann)).await.ok()["user_id"], ann);
    let nobody = server.anonymous().post("/login", login(ann)).await;
    nobody.assert_matrix_error(401, "M_MISSING_TOKEN");
    // A user without a password has none that could be guessed.
    server.anonymous().try_login(ann, "").await.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn names_of_a_service_are_nobody_elses() {
    let (server, service, _directory) = server().await;
    service.get("/account/whoami").await.ok();
    let available = |name: &str| format!("/register/available?username={name}");
    let nobody = server.anonymous();
    let exclusive = nobody.get(&available("_bridge_x")).await;
    exclusive.assert_matrix_error(400, "M_EXCLUSIVE");
    assert_eq!(nobody.get(&available("free")).await.ok(), json!({ "available": true }));
    nobody.get(&available("b%21d")).await.assert_matrix_error(400, "M_INVALID_USERNAME");
    let body = json!({
        "username": "_bridge_x", "password": PASSWORD, "auth": { "type": "m.login.dummy" },
    });
    let refused = nobody.post("/register", body).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
}
