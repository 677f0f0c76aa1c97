//! To-device messages: to one device or all, once, until acknowledged.

use hearth_tests::{
    Client, Server,
    sync::{events, next_batch},
};
use serde_json::{Value, json};

async fn send(client: &Client, txn: &str, messages: Value) -> hearth_tests::Reply {
    let path = format!("/sendToDevice/org.example.hello/{txn}");
    client.put(&path, json!({ "messages": messages })).await
}

fn numbers(body: &Value) -> Vec<i64> {
    let messages = events(&body["to_device"]).iter();
    messages.map(|message| message["content"]["n"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_message_comes_until_it_is_acknowledged() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let since = bob.now().await;
    let to_bob = json!({ &bob.user: { &bob.device: { "n": 1 } } });
    assert_eq!(send(&alice, "t1", to_bob).await.ok(), json!({}));
    let first = bob.sync_until(&since, |body| !numbers(body).is_empty()).await;
    let message = &events(&first["to_device"])[0];
    assert_eq!(message["type"], "org.example.hello");
    assert_eq!(message["sender"], alice.user.as_str());
    assert_eq!(message["content"], json!({ "n": 1 }));

    let again = bob.sync(Some(&since), 0).await;
    assert_eq!(numbers(&again), [1], "not acknowledged yet");
    let acknowledged = bob.sync(Some(&next_batch(&first)), 0).await;
    assert_eq!(numbers(&acknowledged), Vec::<i64>::new());
    let old_token = bob.sync(Some(&since), 0).await;
    assert_eq!(numbers(&old_token), Vec::<i64>::new(), "deleted once acknowledged");
}

#[tokio::test]
async fn an_initial_sync_brings_what_waits() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    send(&alice, "t1", json!({ &bob.user: { &bob.device: { "n": 7 } } })).await.ok();
    assert_eq!(numbers(&bob.sync(None, 0).await), [7]);
}

#[tokio::test]
async fn a_star_means_every_device() {
    let server = Server::start().await;
    let [alice, phone] = server.people(["alice", "bob"]).await;
    let laptop = phone.another_device().await;
    send(&alice, "t1", json!({ &phone.user: { "*": { "n": 3 } } })).await.ok();
    send(&alice, "t2", json!({ &phone.user: { &laptop.device: { "n": 4 } } })).await.ok();
    assert_eq!(numbers(&phone.sync(None, 0).await), [3]);
    assert_eq!(numbers(&laptop.sync(None, 0).await), [3, 4]);
}

#[tokio::test]
async fn a_transaction_is_sent_once() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    for n in [1, 2] {
        send(&alice, "same", json!({ &bob.user: { &bob.device: { "n": n } } })).await.ok();
    }
    assert_eq!(numbers(&bob.sync(None, 0).await), [1]);
}

#[tokio::test]
async fn many_messages_come_in_order_and_once() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let mut since = bob.now().await;
    for n in 0..130 {
        let messages = json!({ &bob.user: { &bob.device: { "n": n } } });
        send(&alice, &format!("m{n}"), messages).await.ok();
    }
    let mut seen = Vec::new();
    while seen.len() < 130 {
        let body = bob.sync(Some(&since), 5_000).await;
        let more = numbers(&body);
        assert!(!more.is_empty(), "only {} came", seen.len());
        seen.extend(more);
        since = next_batch(&body);
    }
    assert_eq!(seen, (0..130).collect::<Vec<i64>>());
    assert!(numbers(&bob.sync(Some(&since), 0).await).is_empty());
}

#[tokio::test]
async fn messages_wait_through_a_crash() {
    let mut server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let since = bob.now().await;
    send(&alice, "t1", json!({ &bob.user: { &bob.device: { "n": 1 } } })).await.ok();
    server.kill();
    server.restart().await;
    let body = bob.sync(Some(&since), 0).await;
    assert_eq!(numbers(&body), [1]);
    server.kill();
    server.restart().await;
    assert!(numbers(&bob.sync(Some(&next_batch(&body)), 0).await).is_empty());
}

#[tokio::test]
async fn too_large_a_message_is_refused() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let large = "x".repeat(70_000);
    let messages = json!({ &bob.user: { &bob.device: { "n": 1, "text": large } } });
    send(&alice, "t1", messages).await.assert_matrix_error(413, "M_TOO_LARGE");
    assert!(numbers(&bob.sync(None, 0).await).is_empty());
}
