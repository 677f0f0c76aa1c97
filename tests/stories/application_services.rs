//! What an application service asks of the server: whether it is reached, and devices.

use std::io::Write;

use hearth_tests::{Client, Server, Settings};
use reqwest::Method;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

const PING: &str = "/_matrix/client/v1/appservice/bridge/ping";

/// A registration of a service at this address.
fn registration(url: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    let url = serde_json::to_string(url).unwrap();
    let url = if url == "\"\"" { "null".to_owned() } else { url };
    write!(
        file,
        "id: bridge\nurl: {url}\nas_token: as-secret\nhs_token: hs-secret\n\
         sender_localpart: bridgebot\nnamespaces:\n  users:\n    - exclusive: true\n      \
         regex: '@bridge_.*:hearth\\.test'\n"
    )
    .unwrap();
    file
}

async fn server(registration: &NamedTempFile) -> Server {
    let path = json!([registration.path()]).to_string();
    Server::start_with(Settings::default().literal("appservice.registration_files", &path)).await
}

/// A service that answers its next request with this status, and what it was asked.
async fn service(status: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/below", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut request, mut buffer) = (String::new(), [0; 4_096]);
        while !request.ends_with('}') {
            let length = socket.read(&mut buffer).await.unwrap();
            request.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        socket.write_all(answer.as_bytes()).await.unwrap();
        request
    });
    (url, asked)
}

fn bridge(server: &Server) -> Client {
    server.anonymous().with_token("as-secret")
}

#[tokio::test]
async fn a_ping_reaches_the_service() {
    let (url, asked) = service("200 OK").await;
    let registration = registration(&url);
    let server = server(&registration).await;
    let pong = bridge(&server).post(PING, json!({ "transaction_id": "t1" })).await.ok();
    assert!(pong["duration_ms"].is_u64(), "{pong}");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /below/_matrix/app/v1/ping HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_ascii_lowercase().contains("authorization: bearer hs-secret\r\n"), "{asked}");
    assert!(asked.ends_with(r#"{"transaction_id":"t1"}"#), "{asked}");
    let alice = server.register("alice").await;
    alice.post(PING, json!({})).await.assert_matrix_error(403, "M_FORBIDDEN");
    let other = PING.replace("bridge", "another");
    bridge(&server).post(&other, json!({})).await.assert_matrix_error(403, "M_FORBIDDEN");
    let stranger = server.anonymous();
    stranger.post(PING, json!({})).await.assert_matrix_error(401, "M_MISSING_TOKEN");
    let gone = bridge(&server).post(PING, json!({})).await;
    gone.assert_matrix_error(502, "M_CONNECTION_FAILED");
}

#[tokio::test]
async fn a_ping_tells_what_is_wrong() {
    let (url, asked) = service("401 Unauthorized").await;
    let with_url = registration(&url);
    let server_with_url = server(&with_url).await;
    let refused = bridge(&server_with_url).post(PING, json!({})).await;
    let refused = refused.assert_matrix_error(502, "M_BAD_STATUS");
    assert_eq!((&refused["status"], &refused["body"]), (&json!(401), &json!("{}")));
    asked.await.unwrap();
    let without_url = registration("");
    let silent = server(&without_url).await;
    bridge(&silent).post(PING, json!({})).await.assert_matrix_error(400, "M_URL_NOT_SET");
}

#[tokio::test]
async fn a_service_makes_devices_for_its_users() {
    let registration = registration("");
    let server = server(&registration).await;
    let bridge = bridge(&server);
    let user = "@bridge_bob:hearth.test";
    let body = json!({ "type": "m.login.application_service", "username": "bridge_bob" });
    bridge.post("/register", body).await.ok();
    let path = format!("/devices/PUPPET?user_id={}", user.replace('@', "%40"));
    let name = json!({ "display_name": "puppet" });
    let made = bridge.put(&path, name.clone()).await;
    assert_eq!((made.status, made.json()), (201, json!({})));
    assert_eq!(bridge.put(&path, name).await.ok(), json!({}), "it is there already");
    assert_eq!(bridge.get(&path).await.ok()["display_name"], "puppet");
    let request = bridge.request(Method::DELETE, &path).json(&json!({}));
    assert_eq!(bridge.exchange(request).await.ok(), json!({}), "without a password");
    let alice = server.register("alice").await;
    let refused = alice.put("/devices/NEW", json!({ "display_name": "x" })).await;
    refused.assert_matrix_error(404, "M_NOT_FOUND");
}
