//! What holds for every route, and what a client asks first.

use hearth_bus::{Rate, Rates};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, RETRY_AFTER};
use http_body_util::BodyExt;
use ruma::api::client::discovery::discover_support::{Contact, ContactRole};
use serde_json::{Value, json};

use crate::testing::{server, server_with};

#[tokio::test]
async fn clients_learn_what_the_server_can_do() {
    let server = server();
    let stranger = server.stranger();
    let versions = stranger.ok("GET", "versions", Value::Null).await;
    assert!(versions["versions"].as_array().unwrap().contains(&"v1.11".into()));
    let alice = server.client("alice").await;
    let capabilities = alice.ok("GET", "v3/capabilities", Value::Null).await;
    assert_eq!(capabilities["capabilities"]["m.room_versions"]["default"], "12");
    assert_eq!(capabilities["capabilities"]["m.change_password"]["enabled"], true);
    assert_eq!(alice.ok("GET", "v3/voip/turnServer", Value::Null).await, json!({}));
}

#[tokio::test]
async fn well_known_says_what_is_set() {
    let unset = server().stranger();
    let paths = ["client", "server", "support"].map(|name| format!("/.well-known/matrix/{name}"));
    for path in &paths {
        unset.refused("GET", path, Value::Null, 404, "M_NOT_FOUND").await;
    }
    let server = server_with(|options| {
        options.settings.client_base_url = Some("https://m.example.org".to_owned());
        options.settings.server_address = Some("m.example.org:443".to_owned());
        let email = "admin@example.org".to_owned();
        options.settings.support.contacts =
            vec![Contact::with_email_address(ContactRole::Admin, email)];
    });
    let stranger = server.stranger();
    let client = stranger.ok("GET", &paths[0], Value::Null).await;
    assert_eq!(client["m.homeserver"]["base_url"], "https://m.example.org");
    let address = stranger.ok("GET", &paths[1], Value::Null).await;
    assert_eq!(address["m.server"], "m.example.org:443");
    let support = stranger.ok("GET", &paths[2], Value::Null).await;
    let admin = json!({ "role": "m.role.admin", "email_address": "admin@example.org" });
    assert_eq!(support, json!({ "contacts": [admin] }));
}

#[tokio::test]
async fn every_answer_is_json_with_cors_headers() {
    let server = server();
    let stranger = server.stranger();
    stranger.refused("GET", "v3/nothing", Value::Null, 404, "M_UNRECOGNIZED").await;
    stranger.refused("GET", "/nothing", Value::Null, 404, "M_UNRECOGNIZED").await;
    stranger.refused("DELETE", "v3/login", Value::Null, 405, "M_UNRECOGNIZED").await;
    stranger.refused("GET", "v3/sync", Value::Null, 401, "M_MISSING_TOKEN").await;
    for (method, path) in [("GET", "/nothing"), ("DELETE", "v3/login"), ("OPTIONS", "v3/sync")] {
        let response = stranger.send(method, path, axum::body::Body::empty()).await;
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{method} {path}");
        assert_eq!(response.status().is_success(), method == "OPTIONS");
    }
}

#[tokio::test]
async fn too_many_requests_have_to_wait() {
    let slow = Rate { per_second: 0.5, burst: 1 };
    let server = server_with(|options| {
        options.rates = Some(Rates::all(slow));
    });
    let alice = server.client("alice").await;
    alice.ok("POST", "v3/createRoom", json!({})).await;
    let limited = alice.refused("POST", "v3/createRoom", json!({}), 429, "M_LIMIT_EXCEEDED").await;
    assert_eq!(limited["retry_after_ms"], 2_000);
    let response = alice.send("POST", "v3/createRoom", "{}".into()).await;
    assert_eq!(response.headers()[RETRY_AFTER], "2");
    server.client("bob").await.ok("POST", "v3/createRoom", json!({})).await;
}

#[tokio::test]
async fn bodies_are_json_of_bounded_size_and_depth() {
    let alice = server().client("alice").await;
    let path = format!("v3/user/{}/account_data/org.example", alice.user);
    for (body, status, code) in [
        ("{".to_owned(), 400, "M_NOT_JSON"),
        ("nonsense".to_owned(), 400, "M_NOT_JSON"),
        ("[".repeat(200) + &"]".repeat(200), 400, "M_BAD_JSON"),
        (" ".repeat(5 * 1024 * 1024), 413, "M_TOO_LARGE"),
    ] {
        let response = alice.send("PUT", &path, body.into()).await;
        assert_eq!(response.status(), status);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["errcode"], code);
    }
    alice.refused("POST", "v3/keys/query", json!({ "device_keys": 1 }), 400, "M_BAD_JSON").await;
    alice.refused("GET", "v3/profile/nobody", Value::Null, 400, "M_INVALID_PARAM").await;
    alice.refused("GET", "v3/keys/changes", Value::Null, 400, "M_MISSING_PARAM").await;
}
