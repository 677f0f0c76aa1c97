//! What must not be found by whoever reads the disk or the log: passwords, tokens, secrets
//! (CVE-2023-41335 and its like).

use std::{fs, path::Path};

use hearth_tests::{Mailbox, Server, session::PASSWORD};
use serde_json::json;

const NEW_PASSWORD: &str = "a quite different staple";
const SECRET: &str = "the.clients.own.secret";

/// The files below a directory, each with its bytes.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn no_secret_is_written_down() {
    let mailbox = Mailbox::start().await;
    let settings = mailbox.settings().text("log.level", "trace");
    let mut server = Server::start_with(settings).await;
    let nobody = server.anonymous();
    // In two steps, so that the password waits in a session.
    let mut body = json!({ "username": "alice", "password": PASSWORD, "refresh_token": true });
    let offer = nobody.post("/register", body.clone()).await.json();
    body["auth"] = json!({ "type": "m.login.dummy", "session": offer["session"] });
    let session = nobody.post("/register", body).await.ok();
    let alice = nobody.with_session(&session);

    let body = json!({ "client_secret": SECRET, "email": "a@example.com", "send_attempt": 1 });
    alice.post("/account/3pid/email/requestToken", body).await.ok();
    let link = mailbox.letter(1).await.link().unwrap();
    alice.get(&link).await;
    alice.post(&link, json!({})).await;
    let body = json!({ "new_password": NEW_PASSWORD });
    alice.post_with_password("/account/password", body, PASSWORD).await.ok();
    let wrong = alice.password_stage(json!(null), "a wrong password of alice");
    alice.post("/account/deactivate", json!({ "auth": wrong })).await;

    server.terminate();
    server.ended().await;
    let (_, token) = link.split_once("token=").unwrap();
    let texts = [
        PASSWORD,
        NEW_PASSWORD,
        "a wrong password of alice",
        SECRET,
        token,
        session["access_token"].as_str().unwrap(),
        session["refresh_token"].as_str().unwrap(),
        offer["session"].as_str().unwrap(),
    ];
    let mut places = files(&server.data_dir());
    assert!(places.iter().any(|(_, bytes)| contains(bytes, "@alice:hearth.test")));
    places.push(("the log".to_owned(), server.log().into_bytes()));
    for (place, bytes) in &places {
        for text in texts {
            assert!(!contains(bytes, text), "`{text}` is in {place}");
        }
    }
}

#[tokio::test]
async fn an_empty_or_short_password_is_none() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for password in ["", " ", "seven77"] {
        let body = json!({
            "username": "bob", "password": password, "auth": { "type": "m.login.dummy" },
        });
        let refused = server.anonymous().post("/register", body).await;
        refused.assert_matrix_error(400, "M_WEAK_PASSWORD");
        let body = json!({ "new_password": password });
        let refused = alice.post("/account/password", body).await;
        refused.assert_matrix_error(400, "M_WEAK_PASSWORD");
        let login = server.anonymous().try_login("alice", password).await;
        login.assert_matrix_error(403, "M_FORBIDDEN");
    }
}
