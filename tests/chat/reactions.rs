//! `@Reaction`: once per emoji and user; grouped, counted, with who.

use hearth_tests::{Server, client::encode, session::PASSWORD};
use serde_json::json;

#[tokio::test]
async fn reactions_are_grouped_and_counted_in_both_apis() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("Hearth", "public").await;
    bob.join_room(&room).await;
    let message = alice.say(&room, "hello").await;
    let path = format!("/messages/{message}/reactions");
    for emoji in ["👍", "❤️", "😂", "🔥", "🎉"] {
        alice.post(&path, json!({ "emoji": emoji })).await.created();
    }
    let shown = bob.post(&path, json!({ "emoji": "👍" })).await.created();
    let thumbs = &shown["reactions"][0];
    assert_eq!((&thumbs["emoji"], &thumbs["count"]), (&json!("👍"), &json!(2)));
    assert_eq!(thumbs["reacted"], true);
    assert_eq!(thumbs["users"][0]["user"]["id"], alice.user.as_str());
    assert_eq!(thumbs["users"][1]["user"]["id"], bob.user.as_str());
    assert!(thumbs["users"][1]["reacted_at"].is_string());
    assert_eq!(shown["reactions"][1]["reacted"], false);
    bob.post(&path, json!({ "emoji": "👍" })).await.assert_problem(409, "already-reacted");
    let bare = json!({ "emoji": "\u{2764}" });
    alice.post(&path, bare.clone()).await.assert_problem(409, "already-reacted");
    let shown = bob.post(&path, bare).await.created();
    assert_eq!(shown["reactions"][1]["count"], 2, "{shown}");
    bob.delete(&format!("{path}/{}", encode("\u{2764}"))).await.done();
    for bad in ["", "x", "👍👍", "<b>"] {
        bob.post(&path, json!({ "emoji": bad })).await.assert_invalid(&["emoji"]);
    }

    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    let annotation = json!({ "rel_type": "m.annotation", "event_id": message, "key": "🚀" });
    client.relate(&room, "m.reaction", annotation, json!({})).await;
    let listed = alice.get(&path).await.ok();
    let emojis = listed["reactions"].as_array().unwrap().iter();
    let emojis: Vec<_> = emojis.map(|group| group["emoji"].as_str().unwrap()).collect();
    assert_eq!(emojis, ["👍", "❤️", "😂", "🔥", "🎉", "🚀"]);

    bob.delete(&format!("{path}/{}", encode("👍"))).await.done();
    let gone = bob.delete(&format!("{path}/{}", encode("👍"))).await;
    gone.assert_problem(404, "not-found");
    assert_eq!(alice.message(&message).await["reactions"][0]["count"], 1);
    let relations = format!("/_matrix/client/v1/rooms/{room}/relations/{message}/m.annotation");
    let chunk = client.get(&relations).await.ok()["chunk"].clone();
    assert_eq!(chunk.as_array().unwrap().len(), 6, "{chunk}");
}
