//! Guests: what they may do, which rooms let them in, and how one becomes a user.

use hearth_tests::{Client, Server, Settings, session::PASSWORD, wait};
use serde_json::json;

async fn server() -> Server {
    Server::start_with(Settings::default().literal("registration.guests", "true")).await
}

async fn guest(server: &Server) -> Client {
    let nobody = server.anonymous();
    nobody.with_session(&nobody.post("/register?kind=guest", json!({})).await.ok())
}

/// A public room of Alice's that lets guests in, or not.
async fn room(alice: &Client, access: &str) -> String {
    let content = json!({ "guest_access": access });
    let state = json!({ "type": "m.room.guest_access", "state_key": "", "content": content });
    alice.create_room(json!({ "preset": "public_chat", "initial_state": [state] })).await
}

#[tokio::test]
async fn a_guest_is_given_everything_but_the_name_of_the_device() {
    let server = server().await;
    let body = json!({
        "username": "wanted", "password": PASSWORD, "device_id": "WANTED",
        "initial_device_display_name": "a browser", "inhibit_login": true, "refresh_token": true,
    });
    let session = server.anonymous().post("/register?kind=guest", body).await.ok();
    assert_ne!(session["user_id"], "@wanted:hearth.test");
    assert_ne!(session["device_id"], "WANTED");
    assert_eq!(session.get("refresh_token"), None);
    let guest = server.anonymous().with_session(&session);
    let whoami = guest.get("/account/whoami").await.ok();
    assert_eq!((&whoami["user_id"], &whoami["is_guest"]), (&session["user_id"], &json!(true)));
    let device = guest.get(&format!("/devices/{}", guest.device)).await.ok();
    assert_eq!(device["display_name"], "a browser");
    let login = server.anonymous().try_login(&guest.user, PASSWORD).await;
    login.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_guest_does_what_guests_may_and_nothing_else() {
    let server = server().await;
    let (alice, guest) = (server.register("alice").await, guest(&server).await);
    let room = room(&alice, "can_join").await;
    for reply in [
        guest.post("/createRoom", json!({})).await,
        guest.knock(&room).await,
        guest.moderate("invite", &room, &alice.user).await,
        guest.get("/publicRooms").await,
        guest.put("/directory/room/%23guest:hearth.test", json!({ "room_id": room })).await,
        guest.post("/account/password", json!({ "new_password": PASSWORD })).await,
        guest.get("/account/3pid").await,
        guest.get("/pushers").await,
        guest.post("/user_directory/search", json!({ "search_term": "a" })).await,
        guest.get(&format!("/admin/whois/{}", guest.user)).await,
    ] {
        // The public directory needs no token at all, so it is open to guests too.
        if reply.status != 200 {
            reply.assert_matrix_error(403, "M_GUEST_ACCESS_FORBIDDEN");
        }
    }
    guest.join(&room).await;
    let event = guest.say(&room, "hello").await;
    assert_eq!(alice.event(&room, &event).await.ok()["content"]["body"], "hello");
    let name = format!("/profile/{}/displayname", guest.user);
    guest.put(&name, json!({ "displayname": "A visitor" })).await.ok();
    guest.get(&format!("/rooms/{room}/state")).await.ok();
    guest.get(&format!("/rooms/{room}/members")).await.ok();
    guest.messages(&room, &[("dir", "b")]).await.ok();
    guest.get("/sync").await.ok();
    guest.get("/capabilities").await.ok();
    guest.post("/keys/query", json!({ "device_keys": {} })).await.ok();
    // Rooms decide about state, not the kind of account.
    let topic = guest.put_state(&room, "m.room.topic", "", json!({ "topic": "x" })).await;
    topic.assert_matrix_error(403, "M_FORBIDDEN");
    guest.leave(&room).await.ok();
}

#[tokio::test]
async fn a_room_says_whether_it_lets_guests_in() {
    let server = server().await;
    let (alice, guest) = (server.register("alice").await, guest(&server).await);
    let closed = room(&alice, "forbidden").await;
    guest.try_join(&closed).await.assert_matrix_error(403, "M_GUEST_ACCESS_FORBIDDEN");
    alice.invite(&closed, &guest.user).await;
    guest.try_join(&closed).await.assert_matrix_error(403, "M_GUEST_ACCESS_FORBIDDEN");

    let open = room(&alice, "can_join").await;
    guest.join(&open).await;
    let content = json!({ "guest_access": "forbidden" });
    alice.put_state(&open, "m.room.guest_access", "", content).await.ok();
    wait::until("the guest to leave", || async {
        (alice.membership(&open, &guest.user).await == "leave").then_some(())
    })
    .await;
    assert_eq!(alice.membership(&open, &alice.user).await, "join");
}

#[tokio::test]
async fn a_guest_becomes_a_user() {
    let server = server().await;
    let (alice, guest) = (server.register("alice").await, guest(&server).await);
    let room = room(&alice, "can_join").await;
    guest.join(&room).await;
    let body = |token: &str, name: &str| {
        json!({
            "username": name, "password": PASSWORD, "guest_access_token": token,
            "auth": { "type": "m.login.dummy" },
        })
    };
    let token = guest.token.clone().unwrap();
    let nobody = server.anonymous();
    for (token, name) in [
        ("wrong", guest.localpart()),
        (&*token, "another"),
        (alice.token.as_deref().unwrap(), "alice"),
    ] {
        let refused = nobody.post("/register", body(token, name)).await;
        refused.assert_matrix_error(403, "M_FORBIDDEN");
    }
    let session = nobody.post("/register", body(&token, guest.localpart())).await.ok();
    let user = nobody.with_session(&session);
    assert_eq!(user.user, guest.user);
    user.create_room(json!({})).await;
    assert_eq!(alice.membership(&room, &user.user).await, "join");
    assert_eq!(nobody.login(&user.user, PASSWORD).await.user, user.user);
    let again = nobody.post("/register", body(&token, guest.localpart())).await;
    again.assert_matrix_error(403, "M_FORBIDDEN");
}
