//! Running a server: starting wrongly, stopping well, saying what is the matter.

use std::process::{Command, Output};

use hearth_tests::{
    Server, Settings,
    server::{binary, free_port},
    session::PASSWORD,
    sync::{has_event, timeline},
    wait,
};
use serde_json::json;

/// Runs a command that must fail, and returns what it said.
fn refused(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!status.success(), "it ended well and said {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test]
async fn a_data_directory_serves_one_process() {
    let server = Server::start().await;
    let elsewhere = format!("127.0.0.1:{}", free_port());
    let said = refused(server.command().args(["--listen", &elsewhere]));
    assert!(said.contains("in use"), "{said}");
    assert!(said.contains(server.data_dir().to_str().unwrap()), "{said}");
    let alice = server.register("alice").await;
    assert_eq!(alice.user, "@alice:hearth.test", "the first is not disturbed");
}

#[tokio::test]
async fn a_data_directory_keeps_its_server_name() {
    let mut server = Server::start().await;
    server.kill();
    let said = refused(server.command().args(["--server-name", "other.test"]));
    assert!(said.contains("hearth.test") && said.contains("other.test"), "{said}");
    server.restart().await;
    let alice = server.register("alice").await;
    assert_eq!(alice.user, "@alice:hearth.test");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = Server::start().await;
    let address = first.base_url().replace("http://", "");
    let directory = tempfile::tempdir().unwrap();
    let mut second = Command::new(binary());
    second.args(["serve", "--server-name", "other.test", "--listen", &address]);
    let said = refused(second.arg("--data-dir").arg(directory.path()));
    assert!(said.contains(&address), "{said}");
}

#[tokio::test]
async fn sigterm_answers_the_long_polls_and_ends_well() {
    let mut server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let event = alice.say(&room, "the last word").await;
    let since = alice.now().await;
    let polls: Vec<_> = (0..10)
        .map(|_| {
            let (alice, since) = (alice.clone(), since.clone());
            tokio::spawn(async move { alice.sync(Some(&since), 60_000).await })
        })
        .collect();
    // A poll is waiting once the server has read its request, which its thread has done when
    // it has answered requests that were sent after it.
    for _ in 0..10 {
        alice.get("/account/whoami").await.ok();
    }
    server.terminate();
    for poll in polls {
        let body = poll.await.unwrap();
        assert!(body["next_batch"].is_string(), "{body}");
    }
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    server.restart().await;
    assert_eq!(alice.event(&room, &event).await.ok()["content"]["body"], "the last word");
    let body = alice.sync(None, 0).await;
    assert!(has_event(timeline(&body, &room), &event));
}

#[tokio::test]
async fn an_unknown_setting_names_the_nearest() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hearth.toml");
    let table = [
        ("server_nme = \"a.test\"", "server_nme", "server_name"),
        ("[registration]\nmod = \"open\"", "registration.mod", "registration.mode"),
        ("[medja]\nmax_upload_bytes = 7", "medja", "media"),
    ];
    for (text, wrong, right) in table {
        std::fs::write(&file, format!("{text}\n")).unwrap();
        for action in [&["serve"][..], &["config", "check"]] {
            let said = refused(Command::new(binary()).args(action).arg("--config").arg(&file));
            assert!(said.contains(wrong) && said.contains(right), "{said}");
            assert!(said.contains(file.to_str().unwrap()), "{said}");
        }
    }
    let checked = Command::new(binary())
        .args(["config", "check", "--config"])
        .arg(server.config_path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test]
async fn a_bad_value_names_file_key_and_reason() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hearth.toml");
    let table = [
        ("server_name = \"a.test\"\n[registration]\nmode = \"ajar\"", "registration.mode", "open"),
        ("server_name = \"a.test\"\n[listen]\nclient = \"here\"", "listen.client", "address"),
        ("server_name = \"a.test\"\n[media]\nmax_upload_bytes = -1", "max_upload_bytes", "-1"),
    ];
    for (text, key, reason) in table {
        std::fs::write(&file, format!("{text}\n")).unwrap();
        let said = refused(Command::new(binary()).args(["serve", "--config"]).arg(&file));
        for part in [file.to_str().unwrap(), key, reason] {
            assert!(said.contains(part), "no {part} in {said}");
        }
    }
}

#[tokio::test]
async fn every_request_has_a_line_in_the_log() {
    let mut server = Server::start_with(Settings::default().text("log.format", "json")).await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    alice.say(&room, "do not log me").await;
    alice.get("/nothing").await.assert_matrix_error(404, "M_UNRECOGNIZED");
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    let log = server.log();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &serde_json::Value| line["message"] == "answered")
        .collect();
    let line = |route: &str| {
        let of_route = |line: &&serde_json::Value| {
            line["span"]["route"].as_str().is_some_and(|name| name.contains(route))
        };
        lines.iter().find(of_route).unwrap_or_else(|| panic!("no line for {route} in {log}"))
    };
    let sent = line("/send/");
    assert_eq!(sent["status"], json!(200));
    assert_eq!(sent["span"]["method"], "PUT");
    assert_eq!(sent["span"]["user"], alice.user.as_str());
    assert!(sent["latency_ms"].is_number() && sent["span"]["id"].is_string(), "{sent}");
    assert_eq!(line("unmatched")["status"], json!(404));
    for secret in [alice.token.as_deref().unwrap(), PASSWORD, "do not log"] {
        assert!(!log.contains(secret), "the log holds {secret:?}");
    }
}

#[tokio::test]
async fn metrics_are_on_a_listener_of_their_own() {
    let address = format!("127.0.0.1:{}", free_port());
    let server = Server::start_with(Settings::default().text("listen.metrics", &address)).await;
    let alice = server.register("alice").await;
    let text = server.anonymous_at(&address).get("/metrics").await.text();
    assert!(text.contains("http_requests_total{"), "{text}");
    assert_eq!(alice.anonymous().get("/metrics").await.status, 404);
}

#[tokio::test]
async fn users_rooms_and_messages_are_counted() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut server = Server::start_with(Settings::default().text("listen.metrics", &address)).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    alice.say(&room, "one").await;
    alice.say(&room, "two").await;
    let body = json!({ "erase": false });
    bob.post_with_password("/account/deactivate", body, PASSWORD).await.ok();
    for _ in 0..2 {
        let metrics = server.anonymous_at(&address);
        wait::until("the figures are right", async || {
            let text = metrics.get("/metrics").await.text();
            let figures = ["hearth_users 1", "hearth_rooms_total 1", "hearth_messages_total 2"];
            let is_shown = |figure: &&str| text.lines().any(|line| line == *figure);
            figures.iter().all(is_shown).then_some(())
        })
        .await;
        server.kill();
        server.restart().await;
    }
}

#[test]
fn the_version_is_printed() {
    let output = Command::new(binary()).arg("version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
}
