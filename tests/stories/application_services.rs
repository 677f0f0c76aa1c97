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

/// A registration of a service at this address; of one without an address if it is empty.
fn registration(url: &str) -> NamedTempFile {
    let registration = json!({
        "id": "bridge",
        "url": Some(url).filter(|url| !url.is_empty()),
        "as_token": "as-secret",
        "hs_token": "hs-secret",
        "sender_localpart": "bridgebot",
        "protocols": ["irc"],
        "namespaces": { "users": [{ "exclusive": true, "regex": "@bridge_.*:hearth\\.test" }] },
    });
    let mut file = NamedTempFile::new().unwrap();
    // JSON is YAML, too.
    write!(file, "{registration}").unwrap();
    file
}

async fn server(registration: &NamedTempFile) -> Server {
    let path = json!([registration.path()]).to_string();
    Server::start_with(Settings::default().literal("appservice.registration_files", &path)).await
}

/// A service that answers every request about IRC.
async fn irc() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (mut request, mut buffer) = (String::new(), [0; 4_096]);
            while !request.ends_with("\r\n\r\n") {
                let length = socket.read(&mut buffer).await.unwrap();
                request.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            let fields = json!({ "network": "n", "channel": "#c" });
            let body = match request.split(' ').nth(1).unwrap() {
                "/_matrix/app/v1/thirdparty/protocol/irc" => json!({
                    "user_fields": ["nick"], "location_fields": ["channel"], "icon": "mxc://a/b",
                    "field_types": { "nick": { "regexp": ".*", "placeholder": "nick" } },
                    "instances": [{ "desc": "N", "fields": {}, "network_id": "n" }],
                }),
                "/_matrix/app/v1/thirdparty/location/irc?channel=%23c"
                | "/_matrix/app/v1/thirdparty/location?alias=%23c%3Ahearth.test" => {
                    json!([{ "alias": "#c:hearth.test", "protocol": "irc", "fields": fields }])
                }
                "/_matrix/app/v1/thirdparty/user/irc?nick=bob"
                | "/_matrix/app/v1/thirdparty/user?userid=%40bridge_bob%3Ahearth.test" => {
                    json!([{
                        "userid": "@bridge_bob:hearth.test", "protocol": "irc",
                        "fields": { "nick": "bob" },
                    }])
                }
                _ => json!([]),
            };
            let body = body.to_string();
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
            let answer = format!("{head}: {length}\r\n\r\n{body}");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
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

#[tokio::test]
async fn networks_are_what_the_services_say() {
    let registration = registration(&irc().await);
    let server = server(&registration).await;
    let alice = server.register("alice").await;
    let protocols = alice.get("/thirdparty/protocols").await.ok();
    let instance = &protocols["irc"]["instances"][0];
    assert_eq!(
        (&instance["network_id"], &instance["instance_id"]),
        (&json!("n"), &json!("bridge|n"))
    );
    assert_eq!(alice.get("/thirdparty/protocol/irc").await.ok(), protocols["irc"]);
    for path in ["location/irc?channel=%23c", "location?alias=%23c%3Ahearth.test"] {
        let found = alice.get(&format!("/thirdparty/{path}")).await.ok();
        assert_eq!(found[0]["alias"], "#c:hearth.test", "{path}");
    }
    for path in ["user/irc?nick=bob", "user?userid=%40bridge_bob%3Ahearth.test"] {
        let found = alice.get(&format!("/thirdparty/{path}")).await.ok();
        assert_eq!(found[0]["userid"], "@bridge_bob:hearth.test", "{path}");
    }
    for path in ["protocol/xmpp", "location/xmpp", "user/xmpp", "location/irc?channel=%23d"] {
        let found = alice.get(&format!("/thirdparty/{path}")).await;
        found.assert_matrix_error(404, "M_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_silent_service_hides_nothing() {
    let registration = registration("http://127.0.0.1:9");
    let server = server(&registration).await;
    let alice = server.register("alice").await;
    assert_eq!(alice.get("/thirdparty/protocols").await.ok(), json!({}));
    alice.get("/thirdparty/protocol/irc").await.assert_matrix_error(404, "M_NOT_FOUND");
    alice.get("/thirdparty/user/irc").await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_service_lists_rooms_of_its_networks() {
    let registration = registration("");
    let server = server(&registration).await;
    let (alice, bridge) = (server.register("alice").await, bridge(&server));
    let room = alice.create_room(json!({ "name": "Portal" })).await;
    let path = format!("/directory/list/appservice/n/{room}");
    let listed = async || {
        let network = json!({ "third_party_instance_id": "bridge|n" });
        alice.post("/publicRooms", network).await.ok()["chunk"].clone()
    };
    let public = json!({ "visibility": "public" });
    alice.put(&path, public.clone()).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(bridge.put(&path, public).await.ok(), json!({}));
    assert_eq!(listed().await[0]["room_id"], room.as_str());
    assert_eq!(bridge.put(&path, json!({ "visibility": "private" })).await.ok(), json!({}));
    assert_eq!(listed().await, json!([]));
}
