//! The list of devices: reading, renaming, deleting behind user-interactive authentication.

use hearth_tests::{Client, Server, session::PASSWORD};
use reqwest::Method;
use serde_json::json;

async fn device_ids(client: &Client) -> Vec<String> {
    let body = client.get("/devices").await.ok();
    let devices = body["devices"].as_array().unwrap();
    let mut ids: Vec<String> =
        devices.iter().map(|device| device["device_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_device_can_be_named_and_is_seen() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = format!("/devices/{}", alice.device);
    let renamed = alice.put(&path, json!({ "display_name": "my phone" })).await.ok();
    assert_eq!(renamed, json!({}));
    let device = alice.get(&path).await.ok();
    assert_eq!(device["display_name"], "my phone");
    assert_eq!(device["device_id"], alice.device.as_str());
    assert!(device["last_seen_ts"].as_u64().is_some_and(|ts| ts > 0), "{device}");
    alice.get("/devices/NOWHERE").await.assert_matrix_error(404, "M_NOT_FOUND");
    let unknown = alice.put("/devices/NOWHERE", json!({ "display_name": "x" })).await;
    unknown.assert_matrix_error(404, "M_NOT_FOUND");
    let bob = server.register("bob").await;
    bob.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn deleting_a_device_ends_its_session() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let lost = alice.another_device().await;
    let path = format!("/devices/{}", lost.device);
    let offer = alice.raw(Method::DELETE, &path, "{}").await;
    assert_eq!(offer.status, 401, "{}", offer.text());
    let auth = alice.password_stage(offer.json()["session"].clone(), PASSWORD);
    let body = json!({ "auth": auth }).to_string();
    assert_eq!(alice.raw(Method::DELETE, &path, &body).await.ok(), json!({}));
    lost.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    assert_eq!(device_ids(&alice).await, [&*alice.device]);
}

#[tokio::test]
async fn several_devices_are_deleted_together() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let first = alice.another_device().await;
    let second = alice.another_device().await;
    assert_eq!(device_ids(&alice).await.len(), 3);
    let body = json!({ "devices": [first.device, second.device] });
    let reply = alice.post_with_password("/delete_devices", body, PASSWORD).await;
    assert_eq!(reply.ok(), json!({}));
    assert_eq!(device_ids(&alice).await, [&*alice.device]);
    for gone in [first, second] {
        gone.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    }
}

#[tokio::test]
async fn a_foreign_password_deletes_nothing() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let offer = alice.post("/delete_devices", json!({ "devices": [alice.device] })).await;
    let auth = bob.password_stage(offer.json()["session"].clone(), PASSWORD);
    let body = json!({ "devices": [alice.device], "auth": auth });
    let refused = alice.post("/delete_devices", body).await;
    assert!(matches!(refused.status, 401 | 403), "{}", refused.text());
    assert_eq!(device_ids(&alice).await, [&*alice.device]);
}
