//! The mark that a message is not safe for work: who may set it and take it back, and that both
//! APIs show it, whichever it was set with.

use hearth_tests::{
    Chat, Client, Server,
    media::png,
    rooms::ids,
    session::PASSWORD,
    sync::{next_batch, timeline},
};
use serde_json::{Value, json};

/// The type of the marks, and what `unsigned` tells of one.
const MARK: &str = "org.hearth.content_warning";

/// A room of alice with bob and carol in it, and what bob said there.
struct Story {
    server: Server,
    alice: Chat,
    bob: Chat,
    carol: Chat,
    room: String,
    message: String,
}

impl Story {
    async fn new() -> Self {
        let server = Server::start().await;
        let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
        let room = alice.room_with(&[&bob, &carol]).await;
        let message = bob.say(&room, "look at this").await;
        Self { server, alice, bob, carol, room, message }
    }

    async fn in_matrix(&self, chat: &Chat) -> Client {
        self.server.anonymous().login(&chat.user, PASSWORD).await
    }

    fn path(&self) -> String {
        path(&self.message)
    }

    /// Marks the message with the Matrix API.
    async fn mark_in_matrix(&self, client: &Client) -> String {
        let relation = json!({ "rel_type": "m.reference", "event_id": self.message });
        let warning = json!({ "type": "town.robin.msc3725.nsfw" });
        let rest = json!({ "town.robin.msc3725.content_warning": warning });
        client.relate(&self.room, MARK, relation, rest).await
    }

    /// Who has marked the message, by the chat API.
    async fn marked_by(&self) -> Value {
        self.carol.message(&self.message).await["content_warning"]["by"]["id"].clone()
    }
}

fn path(message: &str) -> String {
    format!("/messages/{message}/content-warning")
}

fn of<'a>(events: &'a [Value], event: &str) -> &'a Value {
    let found = events.iter().find(|candidate| candidate["event_id"] == event);
    &found.expect("the event")["unsigned"][MARK]
}

#[tokio::test]
async fn a_mark_is_seen_in_both_apis_until_it_is_taken_back() {
    let story = Story::new().await;
    let Story { alice, bob, carol, room, message, .. } = &story;
    assert_eq!(bob.message(message).await["content_warning"], Value::Null);
    let marked = alice.put(&story.path(), json!({})).await.ok();
    assert_eq!((&marked["id"], &marked["content"]), (&json!(message), &json!("look at this")));
    let warning = &carol.message(message).await["content_warning"];
    assert_eq!(*warning, marked["content_warning"]);
    assert_eq!(warning["kind"], "not_safe_for_work");
    assert_eq!(warning["by"]["id"], alice.user.as_str());
    assert!(warning["at"].is_string());
    assert_eq!(alice.put(&story.path(), json!({})).await.ok()["content_warning"], *warning);

    let client = story.in_matrix(carol).await;
    let event = client.event(room, message).await.ok();
    let marks = &event["unsigned"]["m.relations"]["m.reference"]["chunk"];
    assert_eq!(marks.as_array().unwrap().len(), 1, "{event}");
    let told = json!({
        "type": "town.robin.msc3725.nsfw",
        "sender": alice.user,
        "event_id": marks[0]["event_id"],
    });
    assert_eq!(event["unsigned"][MARK], told);
    assert_eq!(*of(&client.all_messages(room, "b", 50, None).await, message), told);
    let synced = client.sync(None, 0).await;
    assert_eq!(*of(timeline(&synced, room), message), told);

    alice.delete(&story.path()).await.done();
    alice.delete(&story.path()).await.done();
    assert_eq!(carol.message(message).await["content_warning"], Value::Null);
    let event = client.event(room, message).await.ok();
    assert_eq!(event["unsigned"].get(MARK), None);
}

#[tokio::test]
async fn a_mark_is_no_message() {
    let story = Story::new().await;
    let Story { alice, bob, carol, room, message, .. } = &story;
    alice.put(&story.path(), json!({})).await.ok();
    let page = carol.messages(room, "limit=50").await;
    let listed = page["messages"].as_array().unwrap();
    assert_eq!(listed.last().unwrap()["id"], message.as_str());
    assert_eq!(listed.last().unwrap()["content_warning"]["kind"], "not_safe_for_work");
    let shown = carol.get(&format!("/rooms/{room}")).await.ok();
    assert_eq!(shown["last_message_at"], listed.last().unwrap()["created_at"]);
    assert_eq!(shown["membership"]["unread_count"], 1);
    assert_eq!(bob.get("/notifications").await.ok()["notifications"], json!([]));
    let found = carol.get("/search?q=look&neighbours=true").await.ok();
    assert_eq!(found["count"], 1);
    assert_eq!(found["results"][0]["next"], Value::Null, "{found}");
    assert_eq!(found["results"][0]["message"]["content_warning"]["by"]["id"], alice.user.as_str());

    let client = story.in_matrix(carol).await;
    let mark = ids(&client.all_messages(room, "b", 1, None).await)[0].to_owned();
    carol.get(&format!("/messages/{mark}")).await.assert_problem(404, "not-found");
    alice.put(&path(&mark), json!({})).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_stranger_s_mark_shows_nothing() {
    let story = Story::new().await;
    let Story { alice, bob, carol, room, message, .. } = &story;
    for reply in [carol.put(&story.path(), json!({})).await, carol.delete(&story.path()).await] {
        reply.assert_problem(403, "forbidden");
    }
    let dave = story.server.chat().register("dave").await;
    for reply in [dave.put(&story.path(), json!({})).await, dave.delete(&story.path()).await] {
        reply.assert_problem(404, "not-found");
    }
    let client = story.in_matrix(carol).await;
    story.mark_in_matrix(&client).await;
    let event = client.event(room, message).await.ok();
    assert_eq!(event["unsigned"].get(MARK), None);
    assert_eq!(bob.message(message).await["content_warning"], Value::Null);
    // Who becomes a moderator did not moderate before, and has moderated afterwards.
    let role = format!("/rooms/{room}/members/{}/role", carol.user);
    alice.patch(&role, json!({ "role": "admin" })).await.ok();
    assert_eq!(story.marked_by().await, Value::Null);
    carol.put(&story.path(), json!({})).await.ok();
    alice.patch(&role, json!({ "role": "member" })).await.ok();
    assert_eq!(story.marked_by().await, carol.user.as_str());
}

#[tokio::test]
async fn who_sent_a_message_marks_it_too_and_a_moderator_decides() {
    let story = Story::new().await;
    let Story { alice, bob, room, .. } = &story;
    let client = story.in_matrix(bob).await;
    let own = story.mark_in_matrix(&client).await;
    assert_eq!(story.marked_by().await, bob.user.as_str());
    let marked = bob.put(&story.path(), json!({})).await.ok();
    assert_eq!(marked["content_warning"]["by"]["id"], bob.user.as_str());
    bob.delete(&story.path()).await.done();
    assert_eq!(client.event(room, &own).await.ok()["content"], json!({}), "it is redacted");
    assert_eq!(story.marked_by().await, Value::Null);

    bob.put(&story.path(), json!({})).await.ok();
    alice.put(&story.path(), json!({})).await.ok();
    assert_eq!(story.marked_by().await, alice.user.as_str());
    bob.delete(&story.path()).await.assert_problem(403, "forbidden");
    assert_eq!(story.marked_by().await, alice.user.as_str());
    alice.delete(&story.path()).await.done();
    assert_eq!(story.marked_by().await, Value::Null);
}

#[tokio::test]
async fn there_is_something_to_mark_and_somebody_who_may_write() {
    let story = Story::new().await;
    let Story { alice, bob, carol, room, message, .. } = &story;
    let mute = json!({ "user_id": bob.user, "minutes": 5 });
    alice.post(&format!("/rooms/{room}/timeouts"), mute).await.created();
    bob.put(&story.path(), json!({})).await.assert_problem(403, "forbidden");
    let archive = format!("/rooms/{room}/archive");
    let of_carol = carol.say(room, "mine").await;
    alice.put(&archive, json!({})).await.done();
    carol.put(&path(&of_carol), json!({})).await.assert_problem(403, "forbidden");
    alice.put(&path(&of_carol), json!({})).await.ok();
    alice.delete(&archive).await.done();

    alice.delete(&format!("/messages/{message}")).await.done();
    alice.put(&story.path(), json!({})).await.assert_problem(409, "not-markable");
    alice.put(&format!("/rooms/{room}"), json!({ "name": "Stove" })).await.ok();
    let renamed = alice.messages(room, "limit=1").await["messages"][0]["id"].clone();
    let renamed = path(renamed.as_str().unwrap());
    alice.put(&renamed, json!({})).await.assert_problem(409, "not-markable");
    alice.put(&path("$nothing"), json!({})).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_mark_is_told_when_it_comes_and_goes() {
    let story = Story::new().await;
    let Story { alice, carol, room, message, .. } = &story;
    let mut socket = carol.socket().await;
    socket.join(room).await;
    alice.put(&story.path(), json!({})).await.ok();
    let updated = socket.next_of("message_updated").await;
    assert_eq!((&updated["room_id"], &updated["message"]["id"]), (&json!(room), &json!(message)));
    assert_eq!(updated["message"]["content_warning"]["by"]["id"], alice.user.as_str());
    alice.delete(&story.path()).await.done();
    let updated = socket.next_of("message_updated").await;
    assert_eq!(updated["message"]["content_warning"], Value::Null);

    let client = story.in_matrix(alice).await;
    let mark = story.mark_in_matrix(&client).await;
    let updated = socket.next_of("message_updated").await;
    assert_eq!(updated["message"]["content_warning"]["kind"], "not_safe_for_work");
    client.redact(room, &mark).await;
    let updated = socket.next_of("message_updated").await;
    assert_eq!(updated["message"]["content_warning"], Value::Null);

    let stranger = story.in_matrix(carol).await;
    let mark = story.mark_in_matrix(&stranger).await;
    stranger.redact(room, &mark).await;
    alice.say(room, "the end").await;
    let mut frame = socket.next().await;
    while frame["type"] != "message_created" {
        assert_ne!(frame["type"], "message_updated", "{frame}");
        frame = socket.next().await;
    }
    assert_eq!(frame["message"]["content"], "the end");
}

#[tokio::test]
async fn all_pictures_of_a_message_are_marked_for_matrix() {
    let story = Story::new().await;
    let Story { alice, bob, carol, room, .. } = &story;
    let first = bob.attach("a.png", &png(4, 4)).await;
    let second = bob.attach("b.png", &png(5, 5)).await;
    let body = json!({ "attachments": [first["id"], second["id"]] });
    let client = story.in_matrix(carol).await;
    let since = next_batch(&client.sync(None, 0).await);
    let sent = bob.post(&format!("/rooms/{room}/messages"), body).await.created();
    let sent = path(sent["id"].as_str().unwrap());
    let synced = client.sync(Some(&since), 0).await;
    let pictures = ids(timeline(&synced, room));
    assert_eq!(pictures.len(), 2);
    for (marked, by) in [(true, json!(alice.user)), (false, Value::Null)] {
        match marked {
            true => drop(alice.put(&sent, json!({})).await.ok()),
            false => alice.delete(&sent).await.done(),
        }
        for picture in &pictures {
            let event = client.event(room, picture).await.ok();
            assert_eq!(event["unsigned"][MARK]["sender"], by, "{event}");
        }
    }
}
