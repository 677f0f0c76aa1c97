//! `@RealTime`: server-sent events. The same frames, for networks that let no WebSocket through.

use std::time::Duration;

use futures::StreamExt;
use hearth_tests::{Chat, Server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Somebody who follows the events.
struct Stream {
    body: futures::stream::BoxStream<'static, Vec<u8>>,
    read: String,
}

impl Stream {
    async fn open(chat: &Chat, query: &str, last: Option<&str>) -> Self {
        let request = chat.request(Method::GET, &format!("/events{query}"));
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        let body = reply.bytes_stream().map(|bytes| bytes.unwrap().to_vec()).boxed();
        Self { body, read: String::new() }
    }

    /// The id and the frame of the next event.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
                };
                let (id, data) = (field("id: "), field("data: "));
                self.read = rest.to_owned();
                if let (Some(id), Some(data)) = (id, data) {
                    return (id, serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let bytes = timeout(Duration::from_secs(20), self.body.next()).await.unwrap();
            self.read += str::from_utf8(&bytes.expect("an open stream")).unwrap();
        }
    }

    async fn next_of(&mut self, kind: &str) -> (String, Value) {
        loop {
            let (id, frame) = self.next().await;
            assert_eq!(frame["pos"], id);
            if frame["type"] == kind {
                return (id, frame);
            }
        }
    }
}

#[tokio::test]
async fn events_come_from_all_rooms_and_go_on_where_they_ended() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let mut stream = Stream::open(&bob, "", None).await;
    let (_, ready) = stream.next().await;
    assert_eq!((&ready["type"], &ready["resumed"]), (&json!("ready"), &json!(false)));

    // A room that he joins later is one of his rooms.
    let room_id = alice.room_with(&[&bob]).await;
    let (_, joined) = stream.next_of("user_joined").await;
    assert_eq!(joined["user"]["id"], bob.user);
    alice.say(&room_id, "one").await;
    let (id, created) = loop {
        let (id, frame) = stream.next_of("message_created").await;
        if frame["message"]["type"] != "system" {
            break (id, frame);
        }
    };
    assert_eq!(created["message"]["content"], "one");
    drop(stream);
    for text in ["two", "three"] {
        alice.say(&room_id, text).await;
    }
    let mut stream = Stream::open(&bob, "", Some(&id)).await;
    assert_eq!(stream.next().await.1["resumed"], true);
    for text in ["two", "three"] {
        assert_eq!(stream.next_of("message_created").await.1["message"]["content"], text);
    }
    let other_id = alice.room_with(&[&bob]).await;
    let mut narrow = Stream::open(&bob, &format!("?rooms={room_id}"), None).await;
    narrow.next().await;
    alice.say(&other_id, "x").await;
    alice.say(&room_id, "four").await;
    let (_, next) = narrow.next_of("message_created").await;
    assert_eq!(next["message"]["content"], "four");
}

#[tokio::test]
async fn a_stream_wants_a_token_and_ends_with_it() {
    let server = Server::start().await;
    let alice = server.chat().register("alice").await;
    server.chat().get("/events").await.assert_problem(401, "unauthorized");
    let request = alice.request(Method::GET, "/events?pos=nonsense");
    alice.exchange(request).await.assert_invalid(&["pos"]);
    let mut stream = Stream::open(&alice, "", None).await;
    stream.next().await;
    alice.post("/auth/logout", json!({})).await;
    let end =
        timeout(Duration::from_secs(20), async { while stream.body.next().await.is_some() {} });
    end.await.expect("an end");
}
