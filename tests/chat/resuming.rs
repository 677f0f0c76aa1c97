//! `@RealTime`: coming back. Nothing is lost or doubled, whoever lost the connection and why.

use hearth_tests::{Server, session::PASSWORD, socket::contents};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_message_sent_again_after_a_reconnect_is_one_message() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let mut socket = alice.socket().await;
    let message = json!({
        "type": "send_message", "id": "mine", "room_id": room_id, "content": "once",
    });
    socket.say(message.clone()).await;
    let ack = socket.next_of("ack").await;
    assert_eq!((&ack["id"], &ack["message"]["content"]), (&json!("mine"), &json!("once")));
    drop(socket);
    let mut socket = alice.socket().await;
    socket.say(message).await;
    assert_eq!(socket.next_of("ack").await["message"]["id"], ack["message"]["id"]);
    // Matrix sees one.
    let matrix = server.anonymous().login("bob", PASSWORD).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b");
    let page = matrix.get(&path).await.ok();
    let same = |event: &&Value| event["content"]["body"] == "once";
    assert_eq!(page["chunk"].as_array().unwrap().iter().filter(same).count(), 1);
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_once_and_in_order() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let mut socket = bob.socket().await;
    socket.join(&room_id).await;
    alice.say(&room_id, "0").await;
    assert_eq!(socket.next_of("message_created").await["message"]["content"], "0");
    let mut places = vec![socket.pos.clone()];
    drop(socket);
    for text in ["1", "2", "3"] {
        alice.say(&room_id, text).await;
    }
    let carol = server.chat().register("carol").await;
    carol.join_room(&room_id).await;
    alice.say(&room_id, "4").await;

    let query = format!("?pos={}&rooms={room_id}", places[0]);
    let (mut socket, ready) = bob.socket_from(&query).await;
    assert_eq!(ready["resumed"], true);
    let mut missed = Vec::new();
    while missed.last().is_none_or(|frame: &Value| frame["message"]["content"] != "4") {
        missed.push(socket.next().await);
        places.push(socket.pos.clone());
    }
    assert_eq!(contents(&missed), ["1", "2", "3", "carol joined", "4"]);
    let kinds: Vec<_> = missed.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "user_joined").count(), 1);
    // From whichever frame one comes back, what is left is the rest.
    for (told, place) in places.iter().enumerate() {
        let (mut again, ready) = bob.socket_from(&format!("?pos={place}&rooms={room_id}")).await;
        assert_eq!(ready["resumed"], true);
        for frame in &missed[told..] {
            assert_eq!(again.next().await, *frame);
        }
    }
    alice.say(&room_id, "live").await;
    assert_eq!(socket.next_of("message_created").await["message"]["content"], "live");
    let far = "?pos=999999999";
    assert_eq!(bob.socket_from(far).await.1["resumed"], false, "a place that is not reached yet");
}

#[tokio::test]
async fn what_was_deleted_meanwhile_is_not_told() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    let (mut watching, _) = carol.socket_from(&format!("?rooms={room}")).await;
    let (gone, ready) = bob.socket_from(&format!("?rooms={room}")).await;
    drop(gone);
    let said = alice.say(&room, "a secret").await;
    watching.next_of("message_created").await;
    alice.delete(&format!("/messages/{said}")).await.done();
    watching.next_of("message_deleted").await;
    let pos = ready["pos"].as_str().unwrap();
    let (mut back, _) = bob.socket_from(&format!("?pos={pos}&rooms={room}")).await;
    loop {
        let frame = back.next().await;
        assert!(!frame.to_string().contains("a secret"), "{frame}");
        if frame["type"] == "message_deleted" {
            break;
        }
    }
}

#[tokio::test]
async fn who_does_not_listen_is_disconnected_and_comes_back_without_a_loss() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let mut socket = bob.socket().await;
    socket.join(&room_id).await;
    let mut sender = alice.socket().await;
    let long = "x".repeat(9_000);
    let messages = 1_500;
    for number in 0..messages {
        let content = format!("{number} {long}");
        sender
            .tell(json!({ "type": "send_message", "room_id": room_id, "content": content }))
            .await;
    }
    let number = |frame: &Value| {
        let content = frame["message"]["content"].as_str().unwrap();
        content.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let mut heard = Vec::new();
    let code = loop {
        match socket.try_message().await {
            None => break None,
            Some(Message::Close(Some(close))) => break Some(u16::from(close.code)),
            Some(Message::Text(text)) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                socket.pos = frame["pos"].as_str().unwrap().to_owned();
                if frame["type"] == "message_created" {
                    heard.push(number(&frame));
                }
            }
            _ => {}
        }
    };
    // Who takes too long to read it does not get the code, and comes back nevertheless.
    assert!(code.is_none_or(|code| code == 4408), "{code:?}");
    assert!(heard.len() < messages);
    let query = format!("?pos={}&rooms={room_id}", socket.pos);
    let (mut socket, ready) = bob.socket_from(&query).await;
    assert_eq!(ready["resumed"], true);
    while heard.len() < messages {
        heard.push(number(&socket.next_of("message_created").await));
    }
    assert_eq!(heard, (0..messages).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_edited_away_does_not_come_back_with_a_deletion() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let (mut socket, _) = bob.socket_from(&format!("?rooms={room}")).await;
    for number in 0..20 {
        let path = format!("/messages/{}", alice.say(&room, "a secret").await);
        alice.put(&path, json!({ "content": format!("mended {number}") })).await.ok();
        alice.delete(&path).await.done();
        socket.next_of("message_deleted").await;
        for frame in socket.rest().await {
            assert!(!frame.to_string().contains("a secret"), "{number}: {frame}");
        }
    }
}

#[tokio::test]
async fn who_was_removed_meanwhile_is_told_only_that() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let (gone, ready) = bob.socket_from(&format!("?rooms={room}")).await;
    drop(gone);
    let said = alice.say(&room, "before").await;
    alice.delete(&format!("/rooms/{room}/members/{}", bob.user)).await.done();
    alice.put(&format!("/messages/{said}"), json!({ "content": "after" })).await.ok();
    let pos = ready["pos"].as_str().unwrap();
    for query in [format!("?pos={pos}&rooms={room}"), format!("?pos={pos}&all_rooms=true")] {
        let (mut socket, _) = bob.socket_from(&query).await;
        assert_eq!(socket.next().await["type"], "user_left");
        let frames = socket.rest().await;
        assert!(frames.iter().all(|frame| !frame.to_string().contains("after")), "{frames:?}");
    }
}
