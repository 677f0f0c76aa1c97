//! How often somebody may do something, and who is exempt.

use std::fs;

use hearth_tests::{Client, Server, Settings, session::PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};

/// Every bucket of the configuration.
const BUCKETS: [&str; 13] = [
    "messages",
    "joins",
    "invites",
    "media",
    "logins",
    "failed_logins",
    "registrations",
    "letters",
    "reports",
    "account_changes",
    "searches",
    "ephemeral",
    "requests",
];

/// So slow that nothing comes back while a story lasts.
fn limited(buckets: &[&str], burst: u32) -> Settings {
    let on = Settings::default().literal("rate_limit.enabled", "true");
    buckets.iter().fold(on, |settings, bucket| {
        let rate = format!("{{ per_second = 0.0001, burst = {burst} }}");
        settings.literal(&format!("rate_limit.{bucket}"), &rate)
    })
}

async fn login_statuses(server: &Server, name: &str, password: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(server.anonymous().try_login(name, password).await.status);
    }
    statuses
}

/// The operations that the specification limits, with made-up arguments: method, path, and whether
/// a token goes with them.
fn limited_operations() -> Vec<(Method, String, bool)> {
    let Some(folder) = hearth_specification::find() else { return Vec::new() };
    let table = fs::read_to_string(folder.join("endpoints.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let limited = rows.filter(|row| row[0] == "client-server" && row[5] == "ratelimited");
    let operations = limited.map(|row| {
        let parts = row[2].trim().split('/').map(|part| match part {
            "{userId}" => "@alice:hearth.test",
            "{roomId}" | "{roomIdOrAlias}" => "!room:hearth.test",
            "{eventId}" => "$event",
            part if part.starts_with('{') => "x",
            part => part,
        });
        let method: Method = row[1].parse().unwrap();
        (method, parts.collect::<Vec<_>>().join("/"), row[4] != "open")
    });
    operations.collect()
}

async fn is_limited(client: &Client, method: &Method, path: &str) -> bool {
    for _ in 0..3 {
        let reply = client.raw(method.clone(), path, "{}").await;
        if reply.status == 404 && reply.json()["errcode"] == "M_UNRECOGNIZED" {
            return true; // that there is a handler is another story
        }
        if reply.status == 429 {
            let body = reply.assert_matrix_error(429, "M_LIMIT_EXCEEDED");
            assert!(body["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0), "{body}");
            assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
            return true;
        }
    }
    false
}

#[tokio::test]
async fn whatever_the_specification_limits_is_limited() {
    let server = Server::start_with(limited(&BUCKETS, 1)).await;
    let alice = server.register("alice").await;
    let mut unlimited = Vec::new();
    for (method, path, is_authenticated) in limited_operations() {
        let client = if is_authenticated { alice.clone() } else { server.anonymous() };
        if !is_limited(&client, &method, &path).await {
            unlimited.push(format!("{method} {path}"));
        }
    }
    assert!(unlimited.is_empty(), "not limited: {unlimited:#?}");
}

#[tokio::test]
async fn one_user_does_not_slow_another_down() {
    let server = Server::start_with(limited(&["messages"], 2)).await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = alice.create_room_with(&[&bob]).await;
    let content = json!({ "msgtype": "m.text", "body": "again" });
    for (txn, status) in [("t1", 200), ("t2", 200), ("t3", 429)] {
        let reply = alice.send_as(&room, "m.room.message", txn, content.clone()).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    bob.say(&room, "I have not said anything yet").await;
    let events = alice.get(&format!("/rooms/{room}/members")).await;
    assert_eq!(events.ok()["chunk"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn wrong_passwords_run_out_and_right_ones_do_not() {
    let settings = limited(&["failed_logins"], 3)
        .literal("rate_limit.logins", "{ per_second = 1000, burst = 1000 }");
    let server = Server::start_with(settings).await;
    server.register("alice").await;
    server.register("bob").await;
    assert_eq!(login_statuses(&server, "bob", PASSWORD, 6).await, [200; 6]);
    // However the account is written, it is one.
    assert_eq!(login_statuses(&server, "alice", "a guess", 2).await, [403; 2]);
    let guesses = login_statuses(&server, "@alice:hearth.test", "a guess", 3).await;
    assert_eq!(guesses, [403, 429, 429]);
    assert_eq!(login_statuses(&server, "alice", PASSWORD, 1).await, [429]);
    assert_eq!(login_statuses(&server, "bob", PASSWORD, 1).await, [200]);
}

#[tokio::test]
async fn a_stolen_token_cannot_guess_the_password() {
    let server = Server::start_with(limited(&["failed_logins"], 3)).await;
    let alice = server.register("alice").await;
    let body = json!({ "new_password": "mine now" });
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let reply = alice.post_with_password("/account/password", body.clone(), "a guess").await;
        statuses.push(reply.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn registrations_are_counted_by_address() {
    let server = Server::start_with(limited(&["registrations"], 2)).await;
    let register = |name: &'static str| {
        let body = json!({
            "username": name, "password": PASSWORD, "auth": { "type": "m.login.dummy" },
        });
        let nobody = server.anonymous();
        async move { nobody.post("/register", body).await }
    };
    assert_eq!(register("alice").await.status, 200);
    assert_eq!(register("bob").await.status, 200);
    register("carol").await.assert_matrix_error(429, "M_LIMIT_EXCEEDED");
}

fn service(id: &str, rate_limited: bool) -> String {
    format!(
        "id: {id}\nurl: null\nas_token: {id}-as\nhs_token: {id}-hs\nsender_localpart: {id}\n\
         rate_limited: {rate_limited}\nnamespaces:\n  users:\n  - exclusive: true\n    \
         regex: '@{id}_.*'\n  aliases: []\n  rooms: []\n"
    )
}

async fn speak(client: &Client, room: &str, as_user: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for number in 0..4 {
        let kind = "m.room.message";
        let path = format!("/rooms/{room}/send/{kind}/{as_user}{number}?user_id={as_user}");
        let body = r#"{"msgtype":"m.text","body":"relayed"}"#;
        statuses.push(client.raw(Method::PUT, &path, body).await.status);
    }
    statuses
}

/// Somebody of a service's namespace, who is in the room.
async fn puppet(service: &Client, room: &str, localpart: &str) -> String {
    let body = json!({
        "username": localpart, "type": "m.login.application_service", "inhibit_login": true,
    });
    let user: Value = service.post("/register", body).await.ok();
    let user = user["user_id"].as_str().unwrap().to_owned();
    service.post(&format!("/join/{room}?user_id={user}"), json!({})).await.ok();
    user
}

#[tokio::test]
async fn an_application_service_may_be_exempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (id, rate_limited) in [("free", false), ("slow", true)] {
        let file = folder.path().join(format!("{id}.yaml"));
        fs::write(&file, service(id, rate_limited)).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let settings = limited(&["messages"], 2)
        .literal("appservice.registration_files", &serde_json::to_string(&files).unwrap());
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    let free = server.anonymous().with_token("free-as");
    let slow = server.anonymous().with_token("slow-as");
    let user = puppet(&free, &room, "free_one").await;
    assert_eq!(speak(&free, &room, &user).await, [200; 4]);
    let user = puppet(&slow, &room, "slow_one").await;
    assert_eq!(speak(&slow, &room, &user).await, [200, 200, 429, 429]);
    slow.post(&format!("/join/{room}"), json!({})).await.ok();
    assert_eq!(speak(&slow, &room, "@slow:hearth.test").await, [200; 4]);
}
