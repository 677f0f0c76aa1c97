//! Administrators hold accounts back: locked ones can do nothing but log out, suspended ones can
//! read, tidy up and leave.

use hearth_tests::{Client, Reply, Server, session::PASSWORD};
use serde_json::{Value, json};

fn path(what: &str, user: &str) -> String {
    format!("/_matrix/client/v1/admin/{what}/{user}")
}

async fn set(client: &Client, what: &str, user: &str, value: bool) -> Reply {
    let key = if what == "lock" { "locked" } else { "suspended" };
    client.put(&path(what, user), json!({ key: value })).await
}

#[tokio::test]
async fn a_locked_account_can_only_log_out() {
    let server = Server::start().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    let other = alice.another_device().await;
    assert_eq!(root.get(&path("lock", &alice.user)).await.ok(), json!({ "locked": false }));
    assert_eq!(set(&root, "lock", &alice.user, true).await.ok(), json!({ "locked": true }));
    assert_eq!(root.get(&path("lock", &alice.user)).await.ok(), json!({ "locked": true }));

    for reply in [
        alice.get("/account/whoami").await,
        alice.get("/sync").await,
        alice.post("/createRoom", json!({})).await,
        server.anonymous().try_login("alice", PASSWORD).await,
    ] {
        let body = reply.assert_matrix_error(401, "M_USER_LOCKED");
        assert_eq!(body["soft_logout"], true, "{body}");
    }
    assert_eq!(alice.post("/logout", json!({})).await.ok(), json!({}));
    assert_eq!(set(&root, "lock", &alice.user, false).await.ok(), json!({ "locked": false }));
    assert_eq!(other.get("/account/whoami").await.ok()["user_id"], alice.user);
}

#[tokio::test]
async fn a_suspended_account_reads_and_tidies_up() {
    let server = Server::start().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    let bob = server.register("bob").await;
    let room = bob.create_room_with(&[&alice]).await;
    let own = alice.say(&room, "mine").await;
    let foreign = bob.say(&room, "hers").await;
    let elsewhere = bob.create_room_with(&[]).await;
    assert_eq!(set(&root, "suspend", &alice.user, true).await.ok(), json!({ "suspended": true }));

    alice.get("/sync").await.ok();
    assert_eq!(alice.event(&room, &foreign).await.ok()["content"]["body"], "hers");
    alice.another_device().await.post("/logout", json!({})).await.ok();
    let name = format!("/profile/{}/displayname", alice.user);
    let text = json!({ "msgtype": "m.text", "body": "x" });
    for reply in [
        alice.send_as(&room, "m.room.message", "t", text).await,
        alice.try_join(&elsewhere).await,
        alice.knock(&elsewhere).await,
        alice.post("/createRoom", json!({})).await,
        alice.moderate("invite", &room, "@carol:hearth.test").await,
        alice.put(&name, json!({ "displayname": "x" })).await,
        alice.put(&format!("/rooms/{room}/redact/{foreign}/t1"), json!({})).await,
    ] {
        reply.assert_matrix_error(403, "M_USER_SUSPENDED");
    }
    alice.redact(&room, &own).await;
    alice.leave(&room).await.ok();
    set(&root, "suspend", &alice.user, false).await.ok();
    alice.join(&elsewhere).await;
}

#[tokio::test]
async fn who_asks_is_checked_before_whom_they_ask_about() {
    let server = Server::start().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    let second = server.administrator("second").await;
    for what in ["lock", "suspend"] {
        for user in ["@nobody:hearth.test", "@x:elsewhere.test", &alice.user, &root.user] {
            let refused = alice.get(&path(what, user)).await;
            refused.assert_matrix_error(403, "M_FORBIDDEN");
            set(&alice, what, user, true).await.assert_matrix_error(403, "M_FORBIDDEN");
        }
        for (user, status, code) in [
            ("@nobody:hearth.test", 404, "M_NOT_FOUND"),
            ("@x:elsewhere.test", 400, "M_INVALID_PARAM"),
            (&*second.user, 403, "M_FORBIDDEN"),
            (&*root.user, 403, "M_FORBIDDEN"),
        ] {
            set(&root, what, user, true).await.assert_matrix_error(status, code);
        }
    }
    let can = |body: Value| body["capabilities"]["m.account_moderation"].clone();
    let capabilities = can(root.get("/capabilities").await.ok());
    assert_eq!(capabilities, json!({ "lock": true, "suspend": true }));
    assert_eq!(can(alice.get("/capabilities").await.ok()), Value::Null);
}

#[tokio::test]
async fn whois_tells_where_devices_were_used() {
    let server = Server::start().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    alice.get("/account/whoami").await.ok();
    let path = format!("/admin/whois/{}", alice.user);
    for client in [&alice, &root] {
        let found = client.get(&path).await.ok();
        assert_eq!(found["user_id"], alice.user);
        let connection = &found["devices"][&alice.device]["sessions"][0]["connections"][0];
        assert_eq!(connection["ip"], "127.0.0.1", "{found}");
        assert!(connection["last_seen"].is_u64(), "{found}");
    }
    let about_root = alice.get(&format!("/admin/whois/{}", root.user)).await;
    about_root.assert_matrix_error(403, "M_FORBIDDEN");
    let nobody = root.get("/admin/whois/@nobody:hearth.test").await;
    nobody.assert_matrix_error(404, "M_NOT_FOUND");
}
