//! What a client learns before it has an account, and what it may do with one.

use hearth_tests::{Server, Settings};
use serde_json::json;

#[tokio::test]
async fn versions_name_the_specification() {
    let server = Server::start().await;
    let body = server.anonymous().get("/_matrix/client/versions").await.ok();
    let versions = body["versions"].as_array().unwrap();
    assert!(versions.contains(&json!("v1.11")), "{body}");
    assert!(versions.contains(&json!("v1.19")), "{body}");
    assert!(versions.iter().all(|version| version.is_string()), "{body}");
}

#[tokio::test]
async fn capabilities_name_the_room_versions() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let body = alice.get("/capabilities").await.ok();
    let versions = &body["capabilities"]["m.room_versions"];
    assert_eq!(versions["default"], "12");
    for version in 6..=12 {
        assert_eq!(versions["available"][version.to_string()], "stable", "{versions}");
    }
    assert_ne!(body["capabilities"]["m.change_password"]["enabled"], json!(false));
    server.anonymous().get("/capabilities").await.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn the_login_flows_are_listed() {
    let server = Server::start().await;
    let body = server.anonymous().get("/login").await.ok();
    let flows = body["flows"].as_array().unwrap();
    let has = |kind: &str| flows.iter().any(|flow| flow["type"] == kind);
    assert!(has("m.login.password"), "{body}");
    assert!(has("m.login.token"), "{body}");
}

#[tokio::test]
async fn health_answers() {
    let server = Server::start().await;
    let reply = server.anonymous().get("/health").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn well_known_says_what_is_configured() {
    let path = "/.well-known/matrix/client";
    let silent = Server::start().await;
    silent.anonymous().get(path).await.assert_matrix_error(404, "M_NOT_FOUND");
    let settings =
        Settings::default().text("well_known.client_base_url", "https://matrix.hearth.test");
    let server = Server::start_with(settings).await;
    let reply = server.anonymous().get(path).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let address = reply.ok()["m.homeserver"]["base_url"].clone();
    assert_eq!(address.as_str().unwrap().trim_end_matches('/'), "https://matrix.hearth.test");
}

#[tokio::test]
async fn the_key_of_a_policy_server_is_served_when_it_is_set() {
    let path = "/.well-known/matrix/policy_server";
    let unset = Server::start().await.anonymous().get(path).await;
    unset.assert_matrix_error(404, "M_NOT_FOUND");
    let key = "6yhHGKhCiXTSEN2ksjV7kX/N6rBQZ3Xb+M7LlC6NS+s";
    let settings = Settings::default().text("well_known.policy_server_key", key);
    let server = Server::start_with(settings).await;
    let body = server.anonymous().get(path).await.ok();
    assert_eq!(body, json!({ "public_keys": { "ed25519": key } }));
}

#[tokio::test]
async fn support_says_whom_to_ask() {
    let path = "/.well-known/matrix/support";
    let silent = Server::start().await;
    silent.anonymous().get(path).await.assert_matrix_error(404, "M_NOT_FOUND");
    let contacts = r#"[
        { role = "admin", email = "admin@hearth.test", matrix_id = "@admin:hearth.test" },
        { role = "security", matrix_id = "@guard:hearth.test" },
    ]"#;
    let settings = Settings::default()
        .text("well_known.support_page", "https://hearth.test/help")
        .literal("well_known.support_contacts", &contacts.replace('\n', " "));
    let server = Server::start_with(settings).await;
    let support = server.anonymous().get(path).await.ok();
    let (admin, guard) = ("@admin:hearth.test", "@guard:hearth.test");
    let contacts = json!([
        { "role": "m.role.admin", "email_address": "admin@hearth.test", "matrix_id": admin },
        { "role": "m.role.security", "matrix_id": guard },
    ]);
    assert_eq!(support["contacts"], contacts);
    assert_eq!(support["support_page"], "https://hearth.test/help");
}

#[tokio::test]
async fn there_is_no_oauth_here() {
    let server = Server::start().await;
    for path in ["v1/auth_metadata", "unstable/org.matrix.msc2965/auth_metadata"] {
        let reply = server.anonymous().get(&format!("/_matrix/client/{path}")).await;
        reply.assert_matrix_error(404, "M_UNRECOGNIZED");
    }
}
