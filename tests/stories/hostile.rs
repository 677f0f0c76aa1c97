//! What hostile clients have sent to other servers; `docs/security.md` says to which and when.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use hearth_tests::{Client, Server, Settings, server::binary, session::PASSWORD, settings};
use reqwest::{Body, Method};
use serde_json::{Value, json};

const DOWNLOAD: &str = "/_matrix/client/v1/media/download";

/// `{}` in gzip.
const GZIPPED: [u8; 22] =
    [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 174, 5, 0, 67, 191, 166, 163, 2, 0, 0, 0];

async fn still_well(client: &Client, room: &str) {
    let event = client.say(room, "still here").await;
    assert_eq!(client.event(room, &event).await.ok()["content"]["body"], "still here");
}

fn memory_kib(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_body_without_end_costs_no_memory() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let before = memory_kib(&server);
    for path in ["/createRoom", "/_matrix/media/v3/upload"] {
        let chunk = || Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]);
        let gigabyte = futures::stream::iter(std::iter::repeat_with(chunk).take(16 * 1024));
        let request = alice.request(Method::POST, path).body(Body::wrap_stream(gigabyte));
        // The server may close the connection while the client is still writing.
        if let Ok(reply) = alice.attempt(request).await {
            reply.assert_matrix_error(413, "M_TOO_LARGE");
        }
    }
    let grown = memory_kib(&server).saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more for two bodies without end");
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn compressed_bodies_are_not_unpacked() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let request = alice
            .request(Method::POST, "/createRoom")
            .header("content-encoding", encoding)
            .body(GZIPPED.to_vec());
        alice.exchange(request).await.assert_matrix_error(400, "M_NOT_JSON");
    }
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn forms_are_no_json() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let part = "--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
    for (kind, body) in [
        ("multipart/form-data; boundary=b", part.repeat(20_000) + "--b--\r\n"),
        ("application/x-www-form-urlencoded", "name=x&".repeat(20_000)),
    ] {
        let request = alice.request(Method::POST, "/createRoom").header("content-type", kind);
        alice.exchange(request.body(body)).await.assert_matrix_error(400, "M_NOT_JSON");
    }
    still_well(&alice, &room).await;
}

#[tokio::test]
async fn the_case_of_a_content_type_does_not_matter() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let request = alice
        .request(Method::POST, "/createRoom")
        .header("content-type", "Application/JSON; charset=UTF-8")
        .body("{}");
    assert!(alice.exchange(request).await.ok()["room_id"].is_string());
    for (kind, disposition) in [("Text/HTML", "attachment"), ("TEXT/PLAIN", "inline")] {
        let media = alice.upload(kind, "page", b"<script>".to_vec()).await;
        let reply = alice.get(&format!("{DOWNLOAD}/{media}")).await;
        assert!(reply.header("content-disposition").starts_with(disposition), "{kind}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_media() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let names =
        ["..", "../", "../../hearth.toml", "/etc/passwd", "..\\..\\hearth.toml", "x\0y", "."];
    for name in names {
        let name = hearth_tests::client::encode(name);
        for path in [
            format!("{DOWNLOAD}/hearth.test/{name}"),
            format!("{DOWNLOAD}/{name}/x"),
            format!("/_matrix/client/v1/media/thumbnail/hearth.test/{name}?width=8&height=8"),
            format!("/_matrix/media/v3/download/hearth.test/{name}"),
        ] {
            let reply = alice.get(&path).await;
            assert!((400..500).contains(&reply.status), "{path}: {}", reply.status);
            assert!(reply.json()["errcode"].is_string(), "{path}");
            assert!(!reply.text().contains("server_name"), "{path}");
        }
        let path = format!("/_matrix/media/v3/upload/hearth.test/{name}");
        let reply = alice.raw(Method::PUT, &path, "x").await;
        assert!((400..500).contains(&reply.status), "{path}: {}", reply.status);
    }
}

#[tokio::test]
async fn a_large_invitation_stops_nobody() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let large = "x".repeat(60_000);
    let room = alice.create_room(json!({ "room_version": "11" })).await;
    for (kind, field) in [
        ("m.room.name", "name"),
        ("m.room.topic", "topic"),
        ("m.room.avatar", "url"),
        ("m.room.encryption", "algorithm"),
    ] {
        alice.put_state(&room, kind, "", json!({ field: large })).await.ok();
    }
    let since = bob.now().await;
    alice.invite(&room, &bob.user).await;
    let small = alice.create_room(json!({})).await;
    alice.invite(&small, &bob.user).await;
    let invited = |body: &Value, room: &str| body["rooms"]["invite"][room].is_object();
    let body = bob.sync_until(&since, |body| invited(body, &small)).await;
    assert!(invited(&body, &small));
    let whole = bob.sync(None, 0).await;
    assert!(invited(&whole, &room) && invited(&whole, &small));
    bob.join(&room).await;
    still_well(&bob, &room).await;
}

#[tokio::test]
async fn a_page_without_matches_does_not_end_history() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let first = alice.send(&room, "org.example.rare", json!({ "n": 1 })).await;
    for number in 0..200 {
        alice.send(&room, "org.example.noise", json!({ "n": number })).await;
    }
    let filter = json!({ "types": ["org.example.rare"] }).to_string();
    let mut from: Option<String> = None;
    for _ in 0..210 {
        let mut query = vec![("dir", "b"), ("limit", "1"), ("filter", &filter)];
        if let Some(from) = &from {
            query.push(("from", from));
        }
        let body = alice.messages(&room, &query).await.ok();
        if body["chunk"].as_array().is_some_and(|chunk| !chunk.is_empty()) {
            assert_eq!(body["chunk"][0]["event_id"], first.as_str());
            return;
        }
        from = body["end"].as_str().map(str::to_owned);
        assert!(from.is_some(), "history ended before its beginning: {body}");
    }
    panic!("the event is nowhere");
}

#[tokio::test]
async fn a_date_is_no_way_into_a_room() {
    let server = Server::start().await;
    let [alice, eve] = server.people(["alice", "eve"]).await;
    let room = alice.create_room(json!({})).await;
    alice.say(&room, "secret").await;
    let path = format!("/_matrix/client/v1/rooms/{room}/timestamp_to_event?dir=f&ts=0");
    assert!(alice.get(&path).await.ok()["event_id"].is_string());
    let refused = eve.get(&path).await;
    assert!(matches!(refused.status, 403 | 404), "{}", refused.text());
    assert!(refused.json().get("event_id").is_none());
}

#[tokio::test]
async fn a_costly_pattern_stops_nobody() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let pattern = "*a".repeat(100) + "b";
    let rule = json!({ "pattern": pattern, "actions": ["notify"] });
    bob.put("/pushrules/global/content/costly", rule).await.ok();
    let since = bob.now().await;
    let start = Instant::now();
    let event = alice.say(&room, &"a".repeat(50_000)).await;
    bob.sync_event(&since, &room, &event).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    still_well(&alice, &room).await;
}

/// Whether a file below a folder has these bytes, and which.
fn file_with(folder: &Path, bytes: &[u8]) -> Option<String> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes) {
                return Some(path.display().to_string());
            }
        }
    }
    None
}

#[tokio::test]
async fn nothing_secret_is_in_the_store_or_the_log() {
    let settings = Settings::default().text("log.level", "debug");
    let mut server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let bob = server.anonymous().login("alice", PASSWORD).await;
    let body = json!({ "new_password": "another good password", "logout_devices": false });
    alice.post_with_password("/account/password", body, PASSWORD).await.ok();
    let auth = alice.password_stage(json!("s"), "my guess");
    let wrong = json!({ "new_password": "a third good password", "auth": auth });
    let refused = alice.post("/account/password", wrong).await;
    assert!(matches!(refused.status, 401 | 403), "{}", refused.text());
    // Killed, it leaves its last writes in the journal, which is not compressed.
    server.kill();
    let tokens = [alice.token.clone().unwrap(), bob.token.clone().unwrap()];
    let passwords = [PASSWORD, "another good password", "my guess", settings::SHARED_SECRET];
    for secret in tokens.iter().map(String::as_str).chain(passwords) {
        assert_eq!(file_with(&server.data_dir(), secret.as_bytes()), None, "{secret} is stored");
        assert!(!server.log().contains(secret), "{secret} is logged");
    }
    assert!(file_with(&server.data_dir(), b"@alice:hearth.test").is_some());
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets() {
    let settings = Settings::default()
        .literal("registration.tokens", r#"["the-way-in"]"#)
        .text("log.level", "trace");
    let server = Server::start_with(settings).await;
    let mut check = Command::new(binary());
    let output = check.args(["config", "check", "--config"]).arg(server.config_path()).output();
    let output = output.unwrap();
    assert!(output.status.success());
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned() + &server.log();
    for secret in [settings::SHARED_SECRET, "the-way-in"] {
        assert!(!said.contains(secret), "{said}");
    }
}
