//! Server notices: the server speaks to a user, who cannot refuse to listen.

use hearth_tests::{Client, Server, Settings, session::PASSWORD, sync::next_batch};
use serde_json::{Value, json};

const SEND: &str = "/_synapse/admin/v1/send_server_notice";

async fn with_notices() -> Server {
    Server::start_with(Settings::default().text("server_notices.localpart", "_server")).await
}

fn notice(user: &Client) -> Value {
    json!({ "user_id": user.user, "content": { "msgtype": "m.text", "body": "mind the gap" } })
}

/// The one room that the user is invited to.
async fn invite(user: &Client) -> String {
    let body = user.sync(None, 0).await;
    let rooms = body["rooms"]["invite"].as_object().expect("an invite");
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    let (room, invite) = rooms.iter().next().unwrap();
    assert_eq!(invite["invite_state"]["events"][0]["sender"], "@_server:hearth.test");
    room.clone()
}

#[tokio::test]
async fn a_user_hears_what_the_server_says() {
    let server = with_notices().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    let said = root.post(SEND, notice(&alice)).await.ok();
    let room = invite(&alice).await;
    let refused = alice.leave(&room).await;
    refused.assert_matrix_error(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    let content = json!({ "membership": "leave" });
    let refused = alice.put_state(&room, "m.room.member", &alice.user, content).await;
    refused.assert_matrix_error(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");

    let since = next_batch(&alice.sync(None, 0).await);
    alice.join(&room).await;
    let event = said["event_id"].as_str().unwrap();
    alice.sync_event(&since, &room, event).await;
    let tags = format!("/user/{}/rooms/{room}/tags", alice.user);
    assert!(alice.get(&tags).await.ok()["tags"]["m.server_notice"].is_object());
    let answer = json!({ "msgtype": "m.text", "body": "why?" });
    alice
        .send_as(&room, "m.room.message", "a", answer)
        .await
        .assert_matrix_error(403, "M_FORBIDDEN");

    alice.leave(&room).await.ok();
    root.post(SEND, notice(&alice)).await.ok();
    assert_eq!(invite(&alice).await, room, "there is one room for all notices");
    let once = format!("{SEND}/txn");
    let first = root.put(&once, notice(&alice)).await.ok();
    assert_eq!(root.put(&once, notice(&alice)).await.ok(), first);
}

#[tokio::test]
async fn only_administrators_speak_for_the_server() {
    let server = with_notices().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    alice.post(SEND, json!({})).await.assert_matrix_error(403, "M_FORBIDDEN");
    server.anonymous().post(SEND, json!({})).await.assert_matrix_error(401, "M_MISSING_TOKEN");
    root.post(SEND, json!({})).await.assert_matrix_error(400, "M_BAD_JSON");
    let nobody = json!({ "user_id": "@nobody:hearth.test", "content": {} });
    root.post(SEND, nobody).await.assert_matrix_error(404, "M_NOT_FOUND");
    let taken = json!({
        "username": "_server", "password": PASSWORD, "auth": { "type": "m.login.dummy" },
    });
    let taken = server.anonymous().post("/register", taken).await;
    assert_eq!(taken.status, 400, "{}", taken.text());
}

#[tokio::test]
async fn without_a_name_the_server_does_not_speak() {
    let server = Server::start().await;
    let (root, alice) = (server.administrator("root").await, server.register("alice").await);
    root.post(SEND, notice(&alice)).await.assert_matrix_error(404, "M_UNRECOGNIZED");
}
