//! `@RealTime`: the WebSocket. What clients say, what they are told, and that nothing is lost or
//! doubled.

use hearth_tests::{
    Server, Settings,
    session::PASSWORD,
    socket::{COMPACT_PROTOCOL, Socket, contents},
    wait,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

#[tokio::test]
async fn messages_are_told_as_they_are_written_edited_and_deleted() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let mut socket = bob.socket().await;
    socket.join(&room_id).await;

    let message = alice.try_say(&room_id, "**hello**").await.created();
    let created = socket.next_of("message_created").await;
    assert_eq!(created["room_id"], room_id);
    for field in ["id", "content", "formatted_content", "sender", "created_at", "type"] {
        assert_eq!(created["message"][field], message[field], "{field}");
    }
    let path = format!("/messages/{}", message["id"].as_str().unwrap());
    alice.put(&path, json!({ "content": "hi" })).await.ok();
    let updated = socket.next_of("message_updated").await;
    assert_eq!(updated["message"]["id"], message["id"]);
    assert_eq!(updated["message"]["content"], "hi");
    assert!(updated["message"]["edited_at"].is_string());

    alice.delete(&path).await.done();
    let deleted = socket.next_of("message_deleted").await;
    assert_eq!(deleted["message_id"], message["id"]);
    assert_eq!(deleted["room_id"], room_id);
    // The edit went too, and is no message of its own.
    assert!(socket.rest().await.iter().all(|frame| frame["type"] != "message_deleted"));
}

#[tokio::test]
async fn reactions_are_told() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let message = alice.try_say(&room_id, "hello").await.created();
    let mut socket = alice.socket().await;
    socket.join(&room_id).await;
    let path = format!("/messages/{}/reactions", message["id"].as_str().unwrap());
    let added = bob.post(&path, json!({ "emoji": "🔥" })).await;
    assert!(added.status < 300, "{}", added.text());
    let added = socket.next_of("reaction_added").await;
    assert_eq!(added["message_id"], message["id"]);
    assert_eq!(added["emoji"], "🔥");
    assert_eq!(added["user"]["id"], bob.user);
    let removed = bob.delete(&format!("{path}/%F0%9F%94%A5")).await;
    assert!(removed.status < 300, "{}", removed.text());
    let removed = socket.next_of("reaction_removed").await;
    assert_eq!(removed["message_id"], message["id"]);
    assert_eq!(removed["emoji"], "🔥");
    assert_eq!(removed["user"]["id"], bob.user);
}

#[tokio::test]
async fn who_comes_goes_writes_and_reads_is_told() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[]).await;
    let mut socket = alice.socket().await;
    socket.join(&room_id).await;

    bob.join_room(&room_id).await;
    let joined = socket.next_of("user_joined").await;
    assert_eq!((&joined["room_id"], &joined["user"]["id"]), (&json!(room_id), &json!(bob.user)));

    let message = alice.try_say(&room_id, "hello").await.created();
    let mut other = bob.socket().await;
    let status = json!({ "status": "busy", "status_message": "cooking" });
    bob.patch("/users/me", status).await.ok();
    let presence = loop {
        let presence = socket.next_of("presence_updated").await;
        if presence["status"] == "busy" && presence["status_message"] == "cooking" {
            break presence;
        }
    };
    assert_eq!(presence["user_id"], bob.user);

    other.tell(json!({ "type": "typing_start", "room_id": room_id })).await;
    let typing = socket.next_of("user_typing").await;
    assert_eq!((&typing["user_id"], &typing["typing"]), (&json!(bob.user), &json!(true)));
    other.tell(json!({ "type": "typing_stop", "room_id": room_id })).await;
    assert_eq!(socket.next_of("user_typing").await["typing"], false);
    other.tell(json!({ "type": "typing_start", "room_id": room_id })).await;
    assert_eq!(socket.next_of("user_typing").await["typing"], true);
    // It ends by itself after five seconds.
    assert_eq!(socket.next_of("user_typing").await["typing"], false);

    other.tell(json!({ "type": "read_message", "message_id": message["id"] })).await;
    let read = socket.next_of("message_read").await;
    assert_eq!((&read["user_id"], &read["message_id"]), (&json!(bob.user), &message["id"]));

    assert!(bob.post(&format!("/rooms/{room_id}/leave"), json!({})).await.status < 300);
    let left = socket.next_of("user_left").await;
    assert_eq!((&left["room_id"], &left["user_id"]), (&json!(room_id), &json!(bob.user)));
}

#[tokio::test]
async fn who_is_suspended_says_nothing_more_on_an_open_socket() {
    let server = Server::start().await;
    let (root, [alice]) = (server.administrator("root").await, server.chatters(["alice"]).await);
    let room = alice.create_room("Hearth", "public").await;
    let (mut socket, _) = alice.socket_from(&format!("?rooms={room}")).await;
    let suspend = json!({ "suspended": true });
    let path = format!("/_matrix/client/v1/admin/suspend/{}", alice.user);
    root.put(&path, suspend).await.ok();
    socket
        .say(json!({ "type": "send_message", "id": "1", "room_id": room, "content": "spam" }))
        .await;
    let refused = socket.next_of("error").await;
    assert_eq!(refused["problem"]["status"], 403, "{refused}");
}

#[tokio::test]
async fn nobody_hears_of_rooms_that_are_not_theirs() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.chatters(["alice", "bob", "eve"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let mut socket = eve.socket().await;
    for kind in ["join_room", "typing_start"] {
        let refused = socket.ask(json!({ "type": kind, "room_id": room_id })).await;
        assert_eq!(refused["type"], "error", "{refused}");
        assert!([403, 404].contains(&refused["problem"]["status"].as_u64().unwrap()), "{refused}");
    }
    let (mut named, ready) = eve.socket_from(&format!("?rooms={room_id}&pos=1")).await;
    assert_eq!(ready["rooms"], 0);
    let mut kicked = bob.socket().await;
    kicked.join(&room_id).await;
    let path = format!("/rooms/{room_id}/members/{}", bob.user);
    assert!(alice.delete(&path).await.status < 300);
    assert_eq!(kicked.next_of("user_left").await["user_id"], bob.user);
    let mut witness = alice.socket().await;
    witness.join(&room_id).await;
    alice.say(&room_id, "secret").await;
    witness.next_of("message_created").await;
    for socket in [&mut socket, &mut named, &mut kicked] {
        assert!(!contents(&socket.rest().await).contains(&"secret"));
    }
}

#[tokio::test]
async fn a_token_is_wanted_and_pages_of_other_origins_are_not() {
    let settings = Settings::default().literal("chat.allowed_origins", r#"["https://chat.test"]"#);
    let server = Server::start_with(settings).await;
    let alice = server.chat().register("alice").await;
    let token = alice.token.clone().unwrap();
    let refused = async |headers: &[(&str, &str)]| match *Socket::open(alice.handshake("", headers))
        .await
        .err()
        .expect("a refusal")
    {
        tungstenite::Error::Http(reply) => reply.status().as_u16(),
        other => panic!("{other}"),
    };
    let bearer = format!("Bearer {token}");
    assert_eq!(refused(&[("authorization", "Bearer nonsense")]).await, 401);
    assert_eq!(refused(&[("sec-websocket-protocol", "hearth.token.x")]).await, 401);
    let evil = ("origin", "https://evil.test");
    assert_eq!(refused(&[("authorization", &bearer), evil]).await, 403);
    let good = [("authorization", bearer.as_str()), ("origin", "https://chat.test")];
    let mut socket = Socket::open(alice.handshake("", &good)).await.unwrap();
    assert_eq!(socket.next().await["type"], "ready");

    let mut silent = Socket::open(alice.handshake("", &[])).await.unwrap();
    silent.say(json!({ "type": "ping" })).await;
    assert_eq!(silent.closed().await, 4401);
    let mut polite = Socket::open(alice.handshake("", &[])).await.unwrap();
    polite.say(json!({ "type": "hello", "token": token, "all_rooms": true })).await;
    assert_eq!(polite.next().await["type"], "ready");
    let not_found = alice.get("/ws").await;
    not_found.assert_problem(426, "no-websocket");

    alice.post("/auth/logout", json!({})).await;
    assert_eq!(polite.closed().await, 4401);
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn the_compact_form_says_the_same() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let protocols = format!("{COMPACT_PROTOCOL}, hearth.token.{}", bob.token.clone().unwrap());
    let headers = [("sec-websocket-protocol", protocols.as_str())];
    let mut socket = Socket::open(bob.handshake("", &headers)).await.unwrap();
    let read = |message: Message| -> Value { rmp_serde::from_slice(&message.into_data()).unwrap() };
    let ready = read(socket.message().await);
    assert_eq!((&ready["t"], &ready["U"]), (&json!("ready"), &json!(bob.user)));
    let join = rmp_serde::to_vec(&json!({ "t": "join_room", "i": "1", "r": room_id })).unwrap();
    socket.send(Message::binary(join)).await;
    loop {
        let ack = read(socket.message().await);
        if ack["t"] == "ack" {
            assert_eq!(ack["i"], "1");
            break;
        }
    }
    let message = alice.try_say(&room_id, "hello").await.created();
    loop {
        let frame = read(socket.message().await);
        if frame["t"] == "message_created" {
            assert_eq!((&frame["r"], &frame["m"]["i"]), (&json!(room_id), &message["id"]));
            assert_eq!(frame["m"]["c"], "hello");
            assert_eq!(frame["m"]["s"]["w"], "alice");
            break;
        }
    }
    socket.send(Message::text("{}")).await;
    assert_eq!(socket.closed().await, 4400);
}

#[tokio::test]
async fn nonsense_is_refused_and_the_connection_stays() {
    let server = Server::start().await;
    let alice = server.chat().register("alice").await;
    let mut socket = alice.socket().await;
    for nonsense in ["", "{", "[]", "{}", r#"{"type":"dance"}"#, r#"{"type":"join_room"}"#] {
        socket.send(Message::text(nonsense)).await;
        let error = socket.next_of("error").await;
        assert_eq!(error["problem"]["status"], 400, "{nonsense}: {error}");
    }
    socket.say(json!({ "type": "dance", "id": "tango" })).await;
    assert_eq!(socket.next_of("error").await["id"], "tango");
    let long = "x".repeat(10_001);
    let room_id = alice.room_with(&[]).await;
    let refused =
        socket.ask(json!({ "type": "send_message", "room_id": room_id, "content": long })).await;
    assert_eq!(refused["problem"]["errors"][0]["field"], "content", "{refused}");
    let refused =
        socket.ask(json!({ "type": "read_message", "message_id": "$nothing:here" })).await;
    assert_eq!(refused["problem"]["status"], 404);
    let id = "x".repeat(200);
    socket.say(json!({ "type": "ping", "id": id })).await;
    assert_eq!(socket.next_of("error").await["problem"]["errors"][0]["field"], "id");
    socket.say(json!({ "type": "ping", "id": "still here" })).await;
    assert_eq!(socket.next_of("pong").await["id"], "still here");
}

#[tokio::test]
async fn the_longest_message_fits_into_a_frame_and_more_is_refused_with_a_code() {
    let server = Server::start().await;
    let alice = server.chat().register("alice").await;
    let room_id = alice.room_with(&[]).await;
    let mut socket = alice.socket().await;
    let escaped = "\\ud83d\\ude00".repeat(10_000);
    let frame = format!(
        r#"{{"type":"send_message","id":"long","room_id":"{room_id}","content":"{escaped}"}}"#
    );
    socket.send(Message::text(frame)).await;
    assert_eq!(socket.next_of("ack").await["message"]["content"], "😀".repeat(10_000));
    socket.send(Message::text("x".repeat(200_000))).await;
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn blocked_people_are_not_heard_from() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.chatters(["alice", "bob", "eve"]).await;
    let room_id = alice.room_with(&[&bob, &eve]).await;
    let mut socket = bob.socket().await;
    socket.join(&room_id).await;
    let matrix = server.anonymous().login("bob", PASSWORD).await;
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", bob.user);
    let mut ignored = serde_json::Map::new();
    ignored.insert(eve.user.clone(), json!({}));
    matrix.put(&path, json!({ "ignored_users": ignored })).await.ok();
    // The connection learns it a moment later.
    let mut rounds = 0;
    wait::until("silence", || {
        rounds += 1;
        let round = rounds;
        let (eve, alice, room_id) = (eve.clone(), alice.clone(), room_id.clone());
        async move {
            eve.say(&room_id, &format!("eve {round}")).await;
            alice.say(&room_id, &format!("alice {round}")).await;
            (round >= 5).then_some(())
        }
    })
    .await;
    let mut last = Vec::new();
    while last.last().is_none_or(|content: &String| content != "alice 5") {
        let frame = socket.next_of("message_created").await;
        last.push(frame["message"]["content"].as_str().unwrap().to_owned());
    }
    assert_eq!(last[last.len() - 2], "alice 4", "{last:?}");
}

#[tokio::test]
async fn notifications_are_told_wherever_one_listens() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let mut socket = alice.socket().await;
    let start = socket.pos.clone();
    let message = bob.try_say(&room_id, "@alice look").await.created();
    let told = socket.next_of("notification").await;
    assert_eq!(told["notification"]["type"], "mention");
    assert_eq!(told["notification"]["message_id"], message["id"]);
    assert_eq!(told["notification"]["sender"]["id"], bob.user);
    // Who comes back hears of it, too.
    let (mut again, _) = alice.socket_from(&format!("?pos={start}")).await;
    assert_eq!(again.next_of("notification").await["notification"], told["notification"]);
    let mut other = bob.socket().await;
    assert!(other.rest().await.iter().all(|frame| frame["type"] != "notification"));
}

#[tokio::test]
async fn commands_in_a_text_are_answered_to_who_gave_them() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let (mut socket, mut other) = (alice.socket().await, bob.socket().await);
    other.join(&room_id).await;
    let help = json!({ "type": "send_message", "room_id": room_id, "content": "/help" });
    let ack = socket.tell(help).await;
    assert!(ack["notice"].as_str().unwrap().contains("/kick"), "{ack}");
    let refused = json!({ "type": "send_message", "room_id": room_id, "content": "/dance" });
    assert_eq!(socket.ask(refused).await["type"], "error");
    alice.say(&room_id, "after").await;
    let first = other.next_of("message_created").await;
    assert_eq!(first["message"]["content"], "after");
}
