//! The paths of every operation: as specified, and as clients in use still write them.

use std::fs;

use hearth_tests::{Client, Server};
use reqwest::Method;
use serde_json::json;

/// Methods and paths of all operations, with made-up arguments; none without the specification.
fn operations() -> Vec<(Method, String)> {
    let Some(folder) = hearth_specification::find() else { return Vec::new() };
    let table = fs::read_to_string(folder.join("endpoints.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let operations = rows.filter(|row| row[0] == "client-server").map(|row| {
        let parts = row[2].trim().split('/');
        let parts = parts.map(|part| if part.starts_with('{') { "x" } else { part });
        (row[1].parse().unwrap(), parts.collect::<Vec<_>>().join("/"))
    });
    operations.collect()
}

async fn is_known(nobody: &Client, method: &Method, path: &str) -> bool {
    let reply = nobody.raw(method.clone(), path, "{}").await;
    let body = String::from_utf8_lossy(&reply.bytes).into_owned();
    !(matches!(reply.status, 404 | 405) && body.contains("M_UNRECOGNIZED"))
}

#[tokio::test]
async fn every_operation_has_a_handler() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let mut missing = Vec::new();
    for (method, path) in operations() {
        // What does not speak OAuth says so as if it did not know the path.
        let is_oauth = path.ends_with("/auth_metadata");
        if !is_oauth && !is_known(&nobody, &method, &path).await {
            missing.push(format!("{method} {path}"));
        }
    }
    assert!(missing.is_empty(), "not known: {missing:#?}");
}

#[tokio::test]
async fn former_versions_are_answered() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    for (method, path) in operations() {
        if !is_known(&nobody, &method, &path).await {
            continue; // the story before complains
        }
        let former = [
            path.replace("/_matrix/client/v3/", "/_matrix/client/r0/"),
            path.replace("/_matrix/media/v3/", "/_matrix/media/r0/"),
            path.replace("/_matrix/media/v3/", "/_matrix/media/v1/"),
        ];
        for former in former.into_iter().filter(|former| *former != path) {
            assert!(is_known(&nobody, &method, &former).await, "{method} {former}");
        }
    }
}

#[tokio::test]
async fn a_client_of_the_first_version_talks() {
    let server = Server::start().await;
    let r0 = |path: &str| format!("/_matrix/client/r0{path}");
    let session = json!({
        "username": "alice", "password": "a password", "auth": { "type": "m.login.dummy" },
    });
    let nobody = server.anonymous();
    let alice = nobody.with_session(&nobody.post(&r0("/register"), session).await.ok());
    let room = alice.post(&r0("/createRoom"), json!({ "name": "Old" })).await.ok();
    let room = room["room_id"].as_str().unwrap().to_owned();
    let content = json!({ "msgtype": "m.text", "body": "still here" });
    let send = r0(&format!("/rooms/{room}/send/m.room.message/t1"));
    let event = alice.put(&send, content.clone()).await.ok()["event_id"].clone();
    let body = alice.get(&r0("/sync")).await.ok();
    let events = body["rooms"]["join"][&room]["timeline"]["events"].as_array().unwrap();
    let last = events.last().unwrap();
    assert_eq!((&last["event_id"], &last["content"]), (&event, &content));
    for path in ["/r0/upload", "/v1/upload", "/v3/upload"] {
        let path = format!("/_matrix/media{path}");
        let uploaded = alice.raw(Method::POST, &path, "a file").await.ok();
        let address = uploaded["content_uri"].as_str().unwrap();
        assert!(address.starts_with("mxc://hearth.test/"), "{address}");
    }
}

#[tokio::test]
async fn an_empty_state_key_needs_no_slash() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    for version in ["r0", "v3"] {
        for slash in ["", "/"] {
            let path = format!("/_matrix/client/{version}/rooms/{room}/state/m.room.topic{slash}");
            let topic = json!({ "topic": format!("set at {version} with {slash:?}") });
            let event = alice.put(&path, topic.clone()).await.ok();
            assert!(event["event_id"].as_str().is_some_and(|id| id.starts_with('$')), "{event}");
            let found = alice.get(&path).await.ok();
            assert_eq!(found["topic"], topic["topic"], "{path}");
        }
    }
}

#[tokio::test]
async fn push_rules_need_no_slash() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let rules = alice.get("/pushrules/").await.ok();
    for path in ["/pushrules", "/_matrix/client/r0/pushrules/", "/_matrix/client/r0/pushrules"] {
        assert_eq!(alice.get(path).await.ok(), rules, "{path}");
    }
    for path in ["/pushrules/global/", "/pushrules/global"] {
        assert_eq!(alice.get(path).await.ok(), rules["global"], "{path}");
    }
}
