//! Device keys: upload, query, claim, counts in sync, and the list of devices to look at again.

use hearth_tests::{Client, Server, signing::Keys, sync::next_batch};
use serde_json::{Value, json};

/// Signed device keys of a client, as it would upload them.
fn device_keys(client: &Client, seed: u8) -> Value {
    let keys = Keys::from_seed(seed);
    let mut object = json!({
        "user_id": client.user,
        "device_id": client.device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {
            format!("curve25519:{}", client.device): keys.public(),
            format!("ed25519:{}", client.device): keys.public(),
        },
    });
    keys.sign(&mut object, &client.user, &client.device);
    object
}

fn one_time_key(client: &Client, seed: u8, number: u32) -> Value {
    let keys = Keys::from_seed(seed);
    let mut object = json!({ "key": format!("{number:0>43}") });
    keys.sign(&mut object, &client.user, &client.device);
    object
}

async fn upload(client: &Client, seed: u8, one_time: u32) -> Value {
    let keys: serde_json::Map<String, Value> = (0..one_time)
        .map(|number| {
            let name = format!("signed_curve25519:K{number:03}");
            (name, one_time_key(client, seed, number))
        })
        .collect();
    let body = json!({ "device_keys": device_keys(client, seed), "one_time_keys": keys });
    client.post("/keys/upload", body).await.ok()
}

async fn claim(client: &Client, other: &Client) -> Value {
    let body = json!({ "one_time_keys": { &other.user: { &other.device: "signed_curve25519" } } });
    let body = client.post("/keys/claim", body).await.ok();
    assert_eq!(body["failures"].as_object().map_or(0, serde_json::Map::len), 0, "{body}");
    body["one_time_keys"][&other.user][&other.device].clone()
}

#[tokio::test]
async fn uploaded_keys_are_found() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let counts = upload(&alice, 1, 3).await;
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], json!(3));
    let name = json!({ "display_name": "phone" });
    alice.put(&format!("/devices/{}", alice.device), name).await.ok();
    let query = json!({ "device_keys": { &alice.user: [] } });
    let body = bob.post("/keys/query", query).await.ok();
    let mut found = body["device_keys"][&alice.user][&alice.device].clone();
    let unsigned = found.as_object_mut().unwrap().remove("unsigned");
    assert_eq!(found, device_keys(&alice, 1));
    assert!(unsigned.is_none_or(|unsigned| unsigned.is_object()));

    let query = json!({ "device_keys": { &alice.user: ["ELSEWHERE"] } });
    let body = bob.post("/keys/query", query).await.ok();
    assert!(body["device_keys"][&alice.user].get(&alice.device).is_none());
}

#[tokio::test]
async fn keys_of_another_device_are_refused() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let body = json!({ "device_keys": device_keys(&alice, 1) });
    let refused = bob.post("/keys/upload", body).await;
    assert!(matches!(refused.status, 400 | 403), "{}", refused.text());
    assert!(refused.json()["errcode"].is_string());
    let query = json!({ "device_keys": { &alice.user: [] } });
    let body = bob.post("/keys/query", query).await.ok();
    assert!(body["device_keys"][&alice.user].get(&alice.device).is_none(), "{body}");
}

#[tokio::test]
async fn a_one_time_key_is_given_once_and_a_fallback_key_for_ever() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    upload(&alice, 1, 2).await;
    let mut fallback = one_time_key(&alice, 1, 99);
    fallback["fallback"] = json!(true);
    let body = json!({ "fallback_keys": { "signed_curve25519:F": fallback } });
    alice.post("/keys/upload", body).await.ok();

    let mut claimed = Vec::new();
    for _ in 0..4 {
        let key = claim(&bob, &alice).await;
        claimed.extend(key.as_object().unwrap().keys().cloned());
    }
    claimed[..2].sort();
    let expected = ["K000", "K001", "F", "F"].map(|name| format!("signed_curve25519:{name}"));
    assert_eq!(claimed, expected);
}

#[tokio::test]
async fn parallel_claims_get_different_keys() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    upload(&alice, 1, 20).await;
    let claims = futures::future::join_all((0..20).map(|_| claim(&bob, &alice))).await;
    let mut names: Vec<String> =
        claims.iter().flat_map(|key| key.as_object().unwrap().keys().cloned()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20);
    assert_eq!(claim(&bob, &alice).await, Value::Null, "none is left");
}

#[tokio::test]
async fn sync_counts_the_keys_that_are_left() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let mut fallback = one_time_key(&alice, 1, 99);
    fallback["fallback"] = json!(true);
    upload(&alice, 1, 2).await;
    let body = json!({ "fallback_keys": { "signed_curve25519:F": fallback } });
    alice.post("/keys/upload", body).await.ok();
    let left = |body: &Value| body["device_one_time_keys_count"]["signed_curve25519"].as_u64();
    let unused = |body: &Value| body["device_unused_fallback_key_types"].clone();
    let body = alice.sync(None, 0).await;
    assert_eq!(left(&body), Some(2));
    assert_eq!(unused(&body), json!(["signed_curve25519"]));

    for _ in 0..3 {
        claim(&bob, &alice).await;
    }
    let body = alice.sync(Some(&next_batch(&body)), 0).await;
    assert_eq!(left(&body).unwrap_or(0), 0);
    assert_eq!(unused(&body), json!([]));
}

#[tokio::test]
async fn an_upload_again_is_harmless_and_a_changed_key_is_not() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    upload(&alice, 1, 1).await;
    let counts = upload(&alice, 1, 1).await;
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], json!(1));
    let other = one_time_key(&alice, 1, 7);
    let body = json!({ "one_time_keys": { "signed_curve25519:K000": other } });
    let changed = alice.post("/keys/upload", body).await;
    assert_eq!(changed.status, 400, "{}", changed.text());
    assert!(changed.json()["errcode"].is_string());
}

#[tokio::test]
async fn new_keys_tell_those_who_share_a_room() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
    alice.create_room_with(&[&bob]).await;
    let (at_bob, at_eve) = (bob.now().await, eve.now().await);
    upload(&alice, 1, 0).await;
    let changed = |body: &Value, user: &str| {
        let list = body["device_lists"]["changed"].as_array();
        list.is_some_and(|list| list.contains(&json!(user)))
    };
    let body = bob.sync_until(&at_bob, |body| changed(body, &alice.user)).await;
    let to = next_batch(&body);
    assert!(!changed(&eve.sync(Some(&at_eve), 0).await, &alice.user));
    let between = bob.get(&format!("/keys/changes?from={at_bob}&to={to}")).await.ok();
    assert_eq!(between["changed"], json!([alice.user]));
    assert_eq!(between["left"], json!([]));
}

#[tokio::test]
async fn meeting_and_parting_change_the_list() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    upload(&alice, 1, 0).await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    let since = bob.now().await;
    bob.join(&room).await;
    let lists = |body: &Value, key: &str| {
        let list = body["device_lists"][key].as_array();
        list.is_some_and(|list| list.contains(&json!(alice.user)))
    };
    let body = bob.sync_until(&since, |body| lists(body, "changed")).await;
    bob.leave(&room).await.ok();
    bob.sync_until(&next_batch(&body), |body| lists(body, "left")).await;
}

#[tokio::test]
async fn a_deleted_device_has_no_keys() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    upload(&alice, 1, 1).await;
    alice.post("/logout", json!({})).await.ok();
    let query = json!({ "device_keys": { &alice.user: [] } });
    let body = bob.post("/keys/query", query).await.ok();
    assert!(body["device_keys"][&alice.user].get(&alice.device).is_none(), "{body}");
    assert_eq!(claim(&bob, &alice).await, Value::Null);
}

/// Malformed device keys stopped other servers' federation (CVE-2023-32323, CVE-2025-61672).
#[tokio::test]
async fn malformed_device_keys_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let malformed = [
        json!({}),
        json!([]),
        json!("keys"),
        json!({ "user_id": alice.user, "device_id": alice.device }),
        json!({
            "user_id": alice.user, "device_id": alice.device, "algorithms": "all",
            "keys": {}, "signatures": {},
        }),
        json!({
            "user_id": alice.user, "device_id": alice.device, "algorithms": [],
            "keys": { "ed25519": 5 }, "signatures": {},
        }),
        json!({
            "user_id": alice.user, "device_id": alice.device, "algorithms": [],
            "keys": {}, "signatures": { "not a user": {} },
        }),
    ];
    for keys in malformed {
        let refused = alice.post("/keys/upload", json!({ "device_keys": keys })).await;
        assert_eq!(refused.status, 400, "{keys}: {}", refused.text());
    }
    let mut large = device_keys(&alice, 1);
    large["org.example.padding"] = json!("x".repeat(40_000));
    let refused = alice.post("/keys/upload", json!({ "device_keys": large })).await;
    refused.assert_matrix_error(413, "M_TOO_LARGE");
    let found = bob.post("/keys/query", json!({ "device_keys": { &alice.user: [] } })).await.ok();
    let devices = found["device_keys"][&alice.user].as_object();
    assert_eq!(devices.map_or(0, serde_json::Map::len), 0, "{found}");
    upload(&alice, 1, 1).await;
    let found = bob.post("/keys/query", json!({ "device_keys": { &alice.user: [] } })).await.ok();
    assert!(found["device_keys"][&alice.user][&alice.device].is_object(), "still usable: {found}");
}
