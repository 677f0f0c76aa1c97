//! Key backup: versions, keys, which key wins, and refusals for an old version.

use hearth_tests::{Client, Server};
use serde_json::{Value, json};

const ROOM: &str = "!room:hearth.test";

async fn new_version(client: &Client) -> String {
    let body = json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": { "public_key": "abcdefg" },
    });
    let body = client.post("/room_keys/version", body).await.ok();
    body["version"].as_str().unwrap().to_owned()
}

fn session(first: u32, forwarded: u32, verified: bool, text: &str) -> Value {
    json!({
        "first_message_index": first,
        "forwarded_count": forwarded,
        "is_verified": verified,
        "session_data": { "ciphertext": text, "ephemeral": "e", "mac": "m" },
    })
}

fn path(session: &str, version: &str) -> String {
    format!("/room_keys/keys/{ROOM}/{session}?version={version}")
}

#[tokio::test]
async fn a_version_is_made_read_changed_and_deleted() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    alice.get("/room_keys/version").await.assert_matrix_error(404, "M_NOT_FOUND");
    let first = new_version(&alice).await;
    let second = new_version(&alice).await;
    assert_ne!(first, second);
    let latest = alice.get("/room_keys/version").await.ok();
    assert_eq!(latest["version"], second.as_str());
    assert_eq!(latest["algorithm"], "m.megolm_backup.v1.curve25519-aes-sha2");
    assert_eq!(latest["auth_data"], json!({ "public_key": "abcdefg" }));
    assert_eq!(latest["count"], json!(0));
    assert!(latest["etag"].is_string());

    let of_second = format!("/room_keys/version/{second}");
    let mut body = json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": { "public_key": "changed" },
    });
    assert_eq!(alice.put(&of_second, body.clone()).await.ok(), json!({}));
    assert_eq!(alice.get(&of_second).await.ok()["auth_data"]["public_key"], "changed");
    body["algorithm"] = json!("org.example.other");
    let other = alice.put(&of_second, body.clone()).await;
    assert_eq!(other.status, 400, "{}", other.text());
    body["version"] = json!(first);
    assert_eq!(alice.put(&of_second, body).await.status, 400);

    assert_eq!(alice.delete(&of_second).await.ok(), json!({}));
    alice.get(&of_second).await.assert_matrix_error(404, "M_NOT_FOUND");
    assert_eq!(alice.get("/room_keys/version").await.ok()["version"], first.as_str());
}

#[tokio::test]
async fn keys_are_stored_at_each_level() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let version = new_version(&alice).await;
    let stored = alice.put(&path("one", &version), session(1, 0, false, "1")).await.ok();
    assert_eq!(stored["count"], json!(1));
    let room = format!("/room_keys/keys/{ROOM}?version={version}");
    let body = json!({ "sessions": { "two": session(1, 0, false, "2") } });
    let more = alice.put(&room, body).await.ok();
    assert_eq!(more["count"], json!(2));
    assert_ne!(more["etag"], stored["etag"]);
    let all = format!("/room_keys/keys?version={version}");
    let sessions = json!({ "three": session(1, 0, false, "3") });
    let body = json!({ "rooms": { "!other:hearth.test": { "sessions": sessions } } });
    assert_eq!(alice.put(&all, body).await.ok()["count"], json!(3));

    let one = alice.get(&path("one", &version)).await.ok();
    assert_eq!(one, session(1, 0, false, "1"));
    let in_room = alice.get(&room).await.ok();
    assert_eq!(in_room["sessions"].as_object().unwrap().len(), 2);
    let everything = alice.get(&all).await.ok();
    let other = &everything["rooms"]["!other:hearth.test"]["sessions"]["three"];
    assert_eq!(other["session_data"]["ciphertext"], "3");
    alice.get(&path("none", &version)).await.assert_matrix_error(404, "M_NOT_FOUND");

    assert_eq!(alice.delete(&path("one", &version)).await.ok()["count"], json!(2));
    assert_eq!(alice.delete(&room).await.ok()["count"], json!(1));
    assert_eq!(alice.delete(&all).await.ok()["count"], json!(0));
    assert_eq!(alice.get(&all).await.ok()["rooms"], json!({}));
}

#[tokio::test]
async fn the_better_key_stays() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let version = new_version(&alice).await;
    let at = path("s", &version);
    // Verified beats unverified, then the lower index, then the fewer forwards.
    let steps = [
        (session(5, 5, false, "start"), "start"),
        (session(6, 0, false, "later index"), "start"),
        (session(5, 6, false, "forwarded more"), "start"),
        (session(5, 4, false, "forwarded less"), "forwarded less"),
        (session(4, 9, false, "earlier index"), "earlier index"),
        (session(9, 9, true, "verified"), "verified"),
        (session(0, 0, false, "unverified"), "verified"),
    ];
    for (offer, expected) in steps {
        alice.put(&at, offer).await.ok();
        let kept = alice.get(&at).await.ok();
        assert_eq!(kept["session_data"]["ciphertext"], expected);
    }
}

#[tokio::test]
async fn an_old_version_takes_no_keys() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let old = new_version(&alice).await;
    alice.put(&path("s", &old), session(1, 0, false, "old")).await.ok();
    let current = new_version(&alice).await;
    let refused = alice.put(&path("t", &old), session(1, 0, false, "late")).await;
    let body = refused.assert_matrix_error(403, "M_WRONG_ROOM_KEYS_VERSION");
    assert_eq!(body["current_version"], current.as_str());
    let still = alice.get(&path("s", &old)).await.ok();
    assert_eq!(still["session_data"]["ciphertext"], "old");
    let unknown = alice.put(&path("t", "98765"), session(1, 0, false, "lost")).await;
    assert!(matches!(unknown.status, 403 | 404), "{}", unknown.text());
    alice.get(&path("s", &current)).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_backup_belongs_to_its_user() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let version = new_version(&alice).await;
    alice.put(&path("s", &version), session(1, 0, false, "hers")).await.ok();
    bob.get("/room_keys/version").await.assert_matrix_error(404, "M_NOT_FOUND");
    let stolen = bob.get(&path("s", &version)).await;
    stolen.assert_matrix_error(404, "M_NOT_FOUND");
}
