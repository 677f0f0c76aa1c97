//! `@API`: the document of the API, the page to browse it, and what all endpoints have in common.

use hearth_tests::{Server, Settings};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_document_is_served_with_a_page_that_loads_nothing_from_elsewhere() {
    let server = Server::start().await;
    let document = server.chat().get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    assert_eq!(document["servers"][0]["url"], "/api");
    let login = &document["paths"]["/auth/login"]["post"];
    assert_eq!(login["security"], json!([{}]));
    assert!(login["responses"]["429"]["content"]["application/problem+json"].is_object());

    let page = server.chat().get("/docs/").await;
    assert_eq!(page.status, 200);
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    for attribute in text.split(['"', '\'']).filter(|part| part.contains("//")) {
        assert!(!attribute.starts_with("http") && !attribute.starts_with("//"), "{attribute}");
    }
    let script = server.chat().get("/docs/swagger-initializer.js").await;
    assert!(String::from_utf8(script.bytes).unwrap().contains("/api/openapi.json"));
}

/// The endpoints that the contract names, with what it calls their parts.
const ENDPOINTS: [(&str, &str); 34] = [
    ("post", "/auth/login"),
    ("get", "/auth/me"),
    ("get", "/rooms"),
    ("get", "/rooms/public"),
    ("get", "/rooms/{room_id}"),
    ("post", "/rooms"),
    ("put", "/rooms/{room_id}"),
    ("delete", "/rooms/{room_id}"),
    ("post", "/rooms/{room_id}/join"),
    ("post", "/rooms/{room_id}/leave"),
    ("get", "/rooms/{room_id}/messages"),
    ("post", "/rooms/{room_id}/messages"),
    ("put", "/messages/{message_id}"),
    ("delete", "/messages/{message_id}"),
    ("post", "/messages/{message_id}/reactions"),
    ("delete", "/messages/{message_id}/reactions/{emoji}"),
    ("get", "/rooms/{room_id}/members"),
    ("post", "/rooms/{room_id}/members"),
    ("delete", "/rooms/{room_id}/members/{user_id}"),
    ("patch", "/rooms/{room_id}/members/{user_id}/role"),
    ("post", "/rooms/{room_id}/invites"),
    ("get", "/invites/{code}"),
    ("post", "/invites/{code}/accept"),
    ("delete", "/invites/{code}"),
    ("get", "/users/{user_id}"),
    ("get", "/users/search"),
    ("patch", "/users/me"),
    ("get", "/notifications"),
    ("patch", "/notifications/{id}/read"),
    ("patch", "/notifications/read-all"),
    ("post", "/attachments/upload"),
    ("get", "/attachments/{id}"),
    ("get", "/search"),
    ("get", "/ws"),
];

#[tokio::test]
async fn every_endpoint_of_the_contract_is_there_and_wants_a_token() {
    let server = Server::start().await;
    let document = server.chat().get("/openapi.json").await.ok();
    for (method, path) in ENDPOINTS {
        let operation = &document["paths"][path][method];
        assert!(operation["responses"].is_object(), "{method} {path} is not documented");
        let verb: Method = method.to_ascii_uppercase().parse().unwrap();
        let named =
            path.replace("{room_id}", "!a:hearth.test").replace("{user_id}", "@a:hearth.test");
        let named = named.replace("{message_id}", "$a").replace(['{', '}'], "");
        let reply = server.chat().exchange(server.chat().request(verb, &named)).await;
        match path {
            "/auth/login" => reply.assert_problem(400, "invalid-request"),
            // Who opens a socket may say the token in the first frame.
            "/ws" => reply.assert_problem(426, "no-websocket"),
            _ => reply.assert_problem(401, "unauthorized"),
        };
    }
}

#[tokio::test]
async fn whatever_is_wrong_is_a_problem_document() {
    let server = Server::start().await;
    server.chat().get("/nothing").await.assert_problem(404, "not-found");
    server.chat().delete("/auth/login").await.assert_problem(405, "method-not-allowed");
    let request = server.chat().request(Method::POST, "/auth/login").body("{");
    server.chat().exchange(request).await.assert_problem(400, "invalid-request");
    // Matrix keeps its own errors.
    server.anonymous().get("/nothing").await.assert_matrix_error(404, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn the_base_path_is_configurable_and_the_api_can_be_off() {
    let bare = Server::start_with(Settings::default().text("chat.base_path", "")).await;
    assert_eq!(bare.anonymous().get("/_matrix/client/versions").await.status, 200);
    let document = bare.chat_at("").get("/openapi.json").await.ok();
    assert_eq!(document["servers"][0]["url"], "/");
    bare.chat_at("").get("/auth/me").await.assert_problem(401, "unauthorized");

    let off = Server::start_with(Settings::default().literal("chat.enabled", "false")).await;
    assert_eq!(off.chat().get("/auth/me").await.status, 404);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_it() {
    let settings = Settings::default().literal("chat.allowed_origins", r#"["https://chat.test"]"#);
    let server = Server::start_with(settings).await;
    let ask = async |origin: &str| {
        let request = server.chat().request(Method::OPTIONS, "/auth/login");
        let request = request.header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let reply = server.chat().exchange(request).await;
        reply.headers.get("access-control-allow-origin").map(|it| it.to_str().unwrap().to_owned())
    };
    assert_eq!(ask("https://chat.test").await.as_deref(), Some("https://chat.test"));
    assert_eq!(ask("https://elsewhere.test").await, None);
}
