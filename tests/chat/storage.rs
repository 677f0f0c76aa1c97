//! `@Storage`: what was acknowledged stays, and is read page by page. Buckets and the scanner have
//! tests with the real services, in `tests/python`.

use hearth_tests::{Server, chat_client::id, session::PASSWORD, wait::until};
use serde_json::{Value, json};

fn contents(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(alice.say(&room, &number.to_string()).await);
    }
    let newest = bob.messages(&room, "limit=3").await;
    assert_eq!(contents(&newest), ["4", "5", "6"]);
    assert_eq!(newest["has_more"], true);
    let before = bob.messages(&room, &format!("limit=3&before={}", ids[4])).await;
    assert_eq!(contents(&before), ["1", "2", "3"]);
    let oldest = bob.messages(&room, &format!("limit=10&before={}", ids[1])).await;
    assert_eq!(contents(&oldest), ["alice joined", "bob joined", "0"]);
    assert_eq!(oldest["has_more"], false);
    let after = bob.messages(&room, &format!("limit=2&after={}", ids[2])).await;
    assert_eq!(contents(&after), ["3", "4"]);
    assert_eq!(after["has_more"], true);
    let last = bob.messages(&room, &format!("after={}", ids[4])).await;
    assert_eq!((contents(&last), &last["has_more"]), (vec!["5", "6"], &json!(false)));
    let path = format!("/rooms/{room}/messages");
    bob.get(&format!("{path}?limit=101")).await.assert_invalid(&["limit"]);
    bob.get(&format!("{path}?before=$nothing")).await.assert_problem(404, "not-found");
    let between = bob.messages(&room, &format!("after={}&before={}", ids[1], ids[4])).await;
    assert_eq!((contents(&between), &between["has_more"]), (vec!["2", "3"], &json!(false)));
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let mut server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let path = format!("/rooms/{room}/messages");
    let said = alice.say(&room, "one, @bob").await;
    let notified = async || {
        let page = bob.get("/notifications?unread=true").await.ok();
        (page["unread_count"] == 1).then_some(page)
    };
    let notification = until("a notification", notified).await;
    bob.post(&format!("/messages/{said}/reactions"), json!({ "emoji": "🔥" })).await.created();
    bob.post(&format!("/messages/{said}/read"), json!({})).await.done();
    alice.put(&format!("/messages/{said}"), json!({ "content": "two, @bob" })).await.ok();
    let deleted = alice.say(&room, "three").await;
    alice.delete(&format!("/messages/{deleted}")).await.done();
    let invite = alice.post(&format!("/rooms/{room}/invites"), json!({})).await.created();
    let code = format!("/invites/{}", invite["code"].as_str().unwrap());
    bob.put(&format!("/rooms/{room}/notifications"), json!({ "level": "mentions" })).await.ok();
    let once = json!({ "content": "four", "client_id": "once" });
    let fourth = alice.post(&path, once.clone()).await.created();
    server.kill();
    server.restart().await;

    let message = alice.message(&said).await;
    assert_eq!((&message["content"], &message["read_by_count"]), (&json!("two, @bob"), &json!(1)));
    assert_eq!(message["reactions"][0]["users"][0]["user"]["id"], bob.user.as_str());
    assert_eq!(alice.message(&deleted).await["content"], "[deleted]");
    assert_eq!(alice.get(&code).await.ok()["is_valid"], true);
    let shown = bob.get(&format!("/rooms/{room}")).await.ok();
    assert_eq!(shown["membership"]["notifications"], "mentions");
    let page = bob.get("/notifications").await.ok();
    assert_eq!(page["notifications"][0]["id"], notification["notifications"][0]["id"]);
    assert_eq!(id(&alice.post(&path, once).await.ok()), id(&fourth), "it was sent before");
    let client = server.anonymous().login(&bob.user, PASSWORD).await;
    assert_eq!(client.event(&room, &id(&fourth)).await.ok()["content"]["body"], "four");
}
