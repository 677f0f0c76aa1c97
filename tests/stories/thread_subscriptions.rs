//! Thread subscriptions: a person's own, those that clients make, and what changed of them.

use hearth_tests::{Client, Reply, Server, sync::next_batch};
use serde_json::{Value, json};

const CHANGES: &str = "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions";

fn path(room: &str, root: &str) -> String {
    let unstable = "/_matrix/client/unstable/io.element.msc4306";
    format!("{unstable}/rooms/{room}/thread/{root}/subscription")
}

async fn subscribe(client: &Client, room: &str, root: &str, cause: Option<&str>) -> Reply {
    let body = cause.map_or_else(|| json!({}), |cause| json!({ "automatic": cause }));
    client.put(&path(room, root), body).await
}

async fn automatic(client: &Client, room: &str, root: &str) -> Value {
    client.get(&path(room, root)).await.ok()["automatic"].clone()
}

async fn reply(client: &Client, room: &str, root: &str, text: &str) -> String {
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": text });
    client.relate(room, "m.room.message", relation, content).await
}

#[tokio::test]
async fn a_person_subscribes_and_unsubscribes() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let root = alice.say(&room, "what do you think?").await;
    alice.get(&path(&room, &root)).await.assert_matrix_error(404, "M_NOT_FOUND");
    alice.delete(&path(&room, &root)).await.ok();
    assert_eq!(subscribe(&alice, &room, &root, None).await.ok(), json!({}));
    assert_eq!(automatic(&alice, &room, &root).await, json!(false));
    alice.delete(&path(&room, &root)).await.ok();
    alice.get(&path(&room, &root)).await.assert_matrix_error(404, "M_NOT_FOUND");
    // Neither events that are not there nor those of other people's rooms can be told apart.
    subscribe(&alice, &room, "$nothing", None).await.assert_matrix_error(404, "M_NOT_FOUND");
    subscribe(&bob, &room, &root, None).await.assert_matrix_error(404, "M_NOT_FOUND");
    bob.get(&path(&room, &root)).await.assert_matrix_error(404, "M_NOT_FOUND");
    bob.get(&path("!nowhere:hearth.test", &root)).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_client_subscribes_because_of_a_reply_in_the_thread() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let root = alice.say(&room, "root").await;
    let other = alice.say(&room, "another root").await;
    let first = reply(&alice, &room, &root, "first").await;
    let elsewhere = reply(&alice, &room, &other, "elsewhere").await;
    let not_in_thread = "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD";
    for cause in [&root, &elsewhere, "$nothing"] {
        let refused = subscribe(&alice, &room, &root, Some(cause)).await;
        refused.assert_matrix_error(400, not_in_thread);
    }
    subscribe(&alice, &room, &root, Some(&first)).await.ok();
    assert_eq!(automatic(&alice, &room, &root).await, json!(true));
    subscribe(&alice, &room, &root, None).await.ok();
    subscribe(&alice, &room, &root, Some(&first)).await.ok();
    assert_eq!(automatic(&alice, &room, &root).await, json!(false));

    let second = reply(&alice, &room, &root, "second").await;
    alice.delete(&path(&room, &root)).await.ok();
    let third = reply(&alice, &room, &root, "third").await;
    let conflicting = "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION";
    for cause in [&first, &second] {
        let refused = subscribe(&alice, &room, &root, Some(cause)).await;
        refused.assert_matrix_error(409, conflicting);
    }
    subscribe(&alice, &room, &root, Some(&third)).await.ok();
    assert_eq!(automatic(&alice, &room, &root).await, json!(true));
}

#[tokio::test]
async fn changes_are_read_backwards_in_pages() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let mut roots = Vec::new();
    for number in 0..3 {
        let root = alice.say(&room, &number.to_string()).await;
        subscribe(&alice, &room, &root, None).await.ok();
        roots.push(root);
    }
    let before = next_batch(&alice.sync(None, 0).await);
    alice.delete(&path(&room, &roots[1])).await.ok();

    let page = alice.get(&format!("{CHANGES}?dir=b&limit=2")).await.ok();
    let gone = &page["unsubscribed"][&room][&roots[1]];
    let kept = &page["subscribed"][&room][&roots[2]];
    assert_eq!(kept["automatic"], json!(false), "{page}");
    assert!(gone["bump_stamp"].as_u64() > kept["bump_stamp"].as_u64(), "{page}");
    let next = page["end"].as_str().expect("an end");
    let page = alice.get(&format!("{CHANGES}?dir=b&limit=2&from={next}")).await.ok();
    let of_room = page["subscribed"][&room].as_object().unwrap();
    assert_eq!(of_room.keys().collect::<Vec<_>>(), [&roots[0]]);
    assert!(page.get("end").is_none(), "{page}");
    let page = alice.get(&format!("{CHANGES}?dir=b&to={before}")).await.ok();
    assert!(page.get("subscribed").is_none(), "{page}");
    assert_eq!(page["unsubscribed"][&room].as_object().unwrap().len(), 1);
}
