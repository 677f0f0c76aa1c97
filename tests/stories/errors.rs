//! Errors that every route shares: unknown places, wrong methods, bad bodies, bad tokens, CORS.

use hearth_tests::Server;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn unknown_endpoints_are_unrecognized() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for path in ["/nothing", "/_matrix/nothing", "/_matrix/client/v9/sync", "/_matrix/media/x"] {
        let reply = alice.get(path).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
        reply.assert_matrix_error(404, "M_UNRECOGNIZED");
    }
}

#[tokio::test]
async fn wrong_methods_are_unrecognized() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for (method, path) in [
        (Method::DELETE, "/sync"),
        (Method::PATCH, "/login"),
        (Method::GET, "/createRoom"),
        (Method::PUT, "/account/whoami"),
    ] {
        let reply = alice.raw(method, path, "{}").await;
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
        reply.assert_matrix_error(405, "M_UNRECOGNIZED");
    }
}

#[tokio::test]
async fn browsers_may_ask_from_anywhere() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    for path in ["/sync", "/login", "/nothing", "/_matrix/client/v1/media/download/a/b"] {
        let request = nobody
            .request(Method::OPTIONS, path)
            .header("origin", "https://app.example.org")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let reply = nobody.exchange(request).await;
        assert!(matches!(reply.status, 200 | 204), "{path}: {}", reply.status);
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
        let methods = reply.header("access-control-allow-methods");
        for method in ["get", "post", "put", "delete", "options"] {
            assert!(methods.contains(method), "{path}: {methods}");
        }
        let headers = reply.header("access-control-allow-headers");
        for header in ["x-requested-with", "content-type", "authorization"] {
            assert!(headers.contains(header), "{path}: {headers}");
        }
    }
    let refused = nobody.get("/account/whoami").await;
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    refused.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn what_is_not_json_is_told_from_bad_json() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for body in ["{", "{\"preset\":", "not json", "{}{}", "\u{feff}[}"] {
        let reply = alice.raw(Method::POST, "/rooms/!r:hearth.test/invite", body).await;
        reply.assert_matrix_error(400, "M_NOT_JSON");
    }
    for body in ["[]", "7", "{\"user_id\":7}"] {
        let reply = alice.raw(Method::POST, "/rooms/!r:hearth.test/invite", body).await;
        reply.assert_matrix_error(400, "M_BAD_JSON");
    }
    let missing = alice.raw(Method::POST, "/rooms/!r:hearth.test/invite", "{}").await;
    assert_eq!(missing.status, 400, "{}", missing.text());
    let code = missing.json()["errcode"].clone();
    assert!(code == "M_BAD_JSON" || code == "M_MISSING_PARAM", "{code}");
    let binary = alice
        .request(Method::POST, "/createRoom")
        .header("content-type", "application/json")
        .body(vec![b'"', 0xff, 0xfe, b'"']);
    alice.exchange(binary).await.assert_matrix_error(400, "M_NOT_JSON");
}

#[tokio::test]
async fn an_empty_body_is_an_empty_object() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let reply = alice.raw(Method::POST, &format!("/rooms/{room}/leave"), "").await;
    assert_eq!(reply.ok(), json!({}));
    let rooms = alice.get("/joined_rooms").await.ok();
    assert_eq!(rooms, json!({ "joined_rooms": [] }));
}

#[tokio::test]
async fn tokens_are_wanted_and_checked() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let nobody = server.anonymous();
    for path in ["/sync", "/joined_rooms", "/devices", "/pushrules/", "/account/whoami"] {
        nobody.get(path).await.assert_matrix_error(401, "M_MISSING_TOKEN");
        let stranger = nobody.with_token("made-up").get(path).await;
        let body = stranger.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
        assert_ne!(body["soft_logout"], json!(true));
    }
    let token = alice.token.clone().unwrap();
    let in_query = nobody.get(&format!("/account/whoami?access_token={token}")).await;
    assert!(matches!(in_query.status, 200 | 401), "{}", in_query.text());
    let basic = nobody
        .request(Method::GET, "/account/whoami")
        .header("authorization", format!("Basic {token}"));
    assert_eq!(nobody.exchange(basic).await.status, 401);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    for path in [
        format!("/rooms/{room}/messages?dir=b&limit=many"),
        format!("/rooms/{room}/messages?dir=sideways"),
        "/sync?timeout=soon".to_owned(),
        "/publicRooms?limit=many".to_owned(),
    ] {
        let reply = alice.get(&path).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        assert!(reply.json()["errcode"].is_string());
    }
    let id = alice.get("/rooms/nonsense/state").await;
    assert!(matches!(id.status, 400 | 403 | 404), "{}", id.text());
    assert!(id.json()["errcode"].is_string());
}

#[tokio::test]
async fn a_trailing_slash_is_another_place() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    alice.get("/account/whoami/").await.assert_matrix_error(404, "M_UNRECOGNIZED");
    let body = alice.get("/account/whoami").await.ok();
    assert_eq!(body["user_id"], alice.user.as_str());
}
