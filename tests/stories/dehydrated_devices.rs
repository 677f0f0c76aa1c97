//! A device that waits on the server while its user has none at hand (MSC3814).

use hearth_tests::{Client, Reply, Server, signing::Keys};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";

/// A device of the user that is to wait.
fn sleeping(user: &Client, device: &str) -> Value {
    let keys = Keys::from_seed(1);
    let mut device_keys = json!({
        "user_id": user.user,
        "device_id": device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "dehydrated": true,
        "keys": {
            format!("curve25519:{device}"): keys.public(),
            format!("ed25519:{device}"): keys.public(),
        },
    });
    keys.sign(&mut device_keys, &user.user, device);
    let mut fallback = json!({ "key": "a".repeat(43), "fallback": true });
    keys.sign(&mut fallback, &user.user, device);
    json!({
        "device_id": device,
        "initial_device_display_name": "asleep",
        "device_data": {
            "algorithm": "org.matrix.msc3814.v2", "device_pickle": "secret", "nonce": "n",
        },
        "device_keys": device_keys,
        "fallback_keys": { "signed_curve25519:F": fallback },
    })
}

async fn events(user: &Client, device: &str, next_batch: &Value) -> Reply {
    let body = match next_batch {
        Value::Null => json!({}),
        token => json!({ "next_batch": token }),
    };
    user.post(&format!("{PATH}/{device}/events"), body).await
}

#[tokio::test]
async fn a_device_waits_and_another_takes_over() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    alice.get(PATH).await.assert_matrix_error(404, "M_NOT_FOUND");
    let put = alice.put(PATH, sleeping(&alice, "SLEEPER")).await.ok();
    assert_eq!(put, json!({ "device_id": "SLEEPER" }));

    let query = json!({ "device_keys": { &alice.user: [] } });
    let keys = bob.post("/keys/query", query).await.ok();
    let keys = &keys["device_keys"][&alice.user]["SLEEPER"];
    assert_eq!(keys["dehydrated"], true, "others encrypt for it as for any device");
    let wanted = json!({ &alice.user: { "SLEEPER": "signed_curve25519" } });
    let claimed = bob.post("/keys/claim", json!({ "one_time_keys": wanted })).await.ok();
    assert!(claimed["one_time_keys"][&alice.user]["SLEEPER"].is_object(), "{claimed}");
    for n in 0..150 {
        let messages = json!({ "messages": { &alice.user: { "SLEEPER": { "n": n } } } });
        bob.put(&format!("/sendToDevice/org.example.n/t{n}"), messages).await.ok();
    }

    let laptop = alice.another_device().await;
    let found = laptop.get(PATH).await.ok();
    assert_eq!(found["device_id"], "SLEEPER");
    assert_eq!(found["device_data"]["device_pickle"], "secret");
    for _ in 0..2 {
        let (mut seen, mut next) = (Vec::new(), Value::Null);
        loop {
            let page = events(&laptop, "SLEEPER", &next).await.ok();
            let page_events = page["events"].as_array().unwrap();
            if page_events.is_empty() {
                break;
            }
            seen.extend(page_events.iter().map(|event| event["content"]["n"].as_i64().unwrap()));
            next = page["next_batch"].clone();
        }
        assert_eq!(seen, (0..150).collect::<Vec<_>>(), "also when a client begins again");
    }
    assert_eq!(laptop.delete(PATH).await.ok(), json!({ "device_id": "SLEEPER" }));
    laptop.delete(PATH).await.assert_matrix_error(404, "M_NOT_FOUND");
    events(&laptop, "SLEEPER", &Value::Null).await.assert_matrix_error(403, "M_FORBIDDEN");
    let devices = laptop.get("/devices").await.ok();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2, "{devices}");
}

#[tokio::test]
async fn a_new_dehydrated_device_replaces_the_old_one() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for device in ["ONE", "TWO"] {
        alice.put(PATH, sleeping(&alice, device)).await.ok();
    }
    assert_eq!(alice.get(PATH).await.ok()["device_id"], "TWO");
    let query = json!({ "device_keys": { &alice.user: [] } });
    let keys = alice.post("/keys/query", query).await.ok();
    let devices = keys["device_keys"][&alice.user].as_object().unwrap();
    assert_eq!(devices.keys().collect::<Vec<_>>(), ["TWO"]);
    let own = alice.put(PATH, sleeping(&alice, &alice.device)).await;
    own.assert_matrix_error(400, "M_INVALID_PARAM");
    events(&alice, "ONE", &Value::Null).await.assert_matrix_error(403, "M_FORBIDDEN");
    let mut keyless = sleeping(&alice, "THREE");
    keyless.as_object_mut().unwrap().remove("device_keys");
    alice.put(PATH, keyless).await.assert_matrix_error(400, "M_BAD_JSON");
    assert_eq!(alice.get(PATH).await.ok()["device_id"], "TWO", "nothing changed");
}
