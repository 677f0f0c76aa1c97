//! Cross-signing: upload behind user-interactive authentication, signatures, who sees which.

use hearth_tests::{Client, Server, session::PASSWORD, signing::Keys};
use serde_json::{Value, json};

const MASTER: u8 = 1;
const SELF_SIGNING: u8 = 2;
const USER_SIGNING: u8 = 3;

fn signing_key(client: &Client, usage: &str, seed: u8) -> Value {
    let public = Keys::from_seed(seed).public();
    let mut object = json!({
        "user_id": client.user,
        "usage": [usage],
        "keys": { format!("ed25519:{public}"): public },
    });
    if seed % 10 != MASTER {
        let master = Keys::from_seed(seed - seed % 10 + MASTER);
        master.sign(&mut object, &client.user, &master.public());
    }
    object
}

/// The three keys, each identity with its own tens of seeds.
fn identity(client: &Client, tens: u8) -> Value {
    json!({
        "master_key": signing_key(client, "master", tens + MASTER),
        "self_signing_key": signing_key(client, "self_signing", tens + SELF_SIGNING),
        "user_signing_key": signing_key(client, "user_signing", tens + USER_SIGNING),
    })
}

const UPLOAD: &str = "/keys/device_signing/upload";

async fn query(reader: &Client, user: &str) -> Value {
    reader.post("/keys/query", json!({ "device_keys": { user: [] } })).await.ok()
}

#[tokio::test]
async fn the_first_upload_is_free_and_a_change_wants_the_password() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let mut masterless = identity(&alice, 0);
    masterless.as_object_mut().unwrap().remove("master_key");
    let refused = alice.post(UPLOAD, masterless).await;
    refused.assert_matrix_error(400, "M_MISSING_PARAM");
    assert_eq!(alice.post(UPLOAD, identity(&alice, 0)).await.ok(), json!({}));
    assert_eq!(alice.post(UPLOAD, identity(&alice, 0)).await.ok(), json!({}), "nothing changed");
    let refused = alice.post(UPLOAD, identity(&alice, 10)).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.json()["session"].is_string());
    let replaced = alice.post_with_password(UPLOAD, identity(&alice, 10), PASSWORD).await;
    assert_eq!(replaced.ok(), json!({}));
    let keys = query(&alice, &alice.user).await;
    assert_eq!(keys["master_keys"][&alice.user], identity(&alice, 10)["master_key"]);
}

#[tokio::test]
async fn the_user_signing_key_is_private() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    alice.post(UPLOAD, identity(&alice, 0)).await.ok();
    let own = query(&alice, &alice.user).await;
    assert!(own["user_signing_keys"][&alice.user].is_object(), "{own}");
    let seen = query(&bob, &alice.user).await;
    assert!(seen["master_keys"][&alice.user].is_object());
    assert!(seen["self_signing_keys"][&alice.user].is_object());
    assert!(seen["user_signing_keys"].get(&alice.user).is_none(), "{seen}");
}

#[tokio::test]
async fn unsigned_and_foreign_keys_are_refused() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let mut unsigned = identity(&alice, 0);
    unsigned["self_signing_key"].as_object_mut().unwrap().remove("signatures");
    let foreign = identity(&bob, 0);
    let mut forged = identity(&alice, 0);
    let signatures = &mut forged["self_signing_key"]["signatures"][&alice.user];
    for signature in signatures.as_object_mut().unwrap().values_mut() {
        *signature = json!("A".repeat(86));
    }
    for bad in [unsigned, foreign, forged] {
        let refused = alice.post(UPLOAD, bad.clone()).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.text());
        assert!(refused.json()["errcode"].is_string());
    }
    assert!(query(&alice, &alice.user).await["master_keys"].get(&alice.user).is_none());
}

#[tokio::test]
async fn a_device_is_signed_by_its_user() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    alice.create_room_with(&[&bob]).await;
    let device_key = Keys::from_seed(50);
    let mut device = json!({
        "user_id": alice.user,
        "device_id": alice.device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": {
            format!("curve25519:{}", alice.device): device_key.public(),
            format!("ed25519:{}", alice.device): device_key.public(),
        },
    });
    let mut uploaded = device.clone();
    device_key.sign(&mut uploaded, &alice.user, &alice.device);
    alice.post("/keys/upload", json!({ "device_keys": uploaded })).await.ok();
    alice.post(UPLOAD, identity(&alice, 0)).await.ok();

    let since = bob.now().await;
    let own = Keys::from_seed(SELF_SIGNING);
    own.sign(&mut device, &alice.user, &own.public());
    let body = json!({ &alice.user: { &alice.device: device } });
    let reply = alice.post("/keys/signatures/upload", body).await.ok();
    assert_eq!(reply["failures"].as_object().map_or(0, serde_json::Map::len), 0, "{reply}");

    let seen = query(&bob, &alice.user).await;
    let signatures = &seen["device_keys"][&alice.user][&alice.device]["signatures"][&alice.user];
    assert!(signatures[format!("ed25519:{}", own.public())].is_string(), "{signatures}");
    assert!(signatures[format!("ed25519:{}", alice.device)].is_string(), "{signatures}");
    bob.sync_until(&since, |body| {
        let list = body["device_lists"]["changed"].as_array();
        list.is_some_and(|list| list.contains(&json!(alice.user)))
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_another_user_is_seen_by_its_maker_only() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    alice.post(UPLOAD, identity(&alice, 0)).await.ok();
    bob.post(UPLOAD, identity(&bob, 10)).await.ok();
    let mut master = identity(&bob, 10)["master_key"].clone();
    let user_signing = Keys::from_seed(USER_SIGNING);
    user_signing.sign(&mut master, &alice.user, &user_signing.public());
    let key_id = Keys::from_seed(10 + MASTER).public();
    let body = json!({ &bob.user: { key_id: master } });
    let reply = alice.post("/keys/signatures/upload", body).await.ok();
    assert_eq!(reply["failures"].as_object().map_or(0, serde_json::Map::len), 0, "{reply}");
    let signed = async |reader: &Client| {
        let keys = query(reader, &bob.user).await;
        keys["master_keys"][&bob.user]["signatures"].get(&alice.user).is_some()
    };
    assert!(signed(&alice).await);
    assert!(!signed(&bob).await);
    assert!(!signed(&carol).await);
}

#[tokio::test]
async fn a_signature_for_nothing_is_a_failure_not_an_error() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    alice.post(UPLOAD, identity(&alice, 0)).await.ok();
    let object = json!({
        "user_id": alice.user,
        "device_id": "NOWHERE",
        "algorithms": [],
        "keys": {},
        "signatures": { &alice.user: { "ed25519:X": "A".repeat(86) } },
    });
    let body = json!({ &alice.user: { "NOWHERE": object } });
    let reply = alice.post("/keys/signatures/upload", body).await.ok();
    assert!(reply["failures"][&alice.user]["NOWHERE"]["errcode"].is_string(), "{reply}");
}

/// An upload whose signatures nobody checked made strangers look verified (tuwunel 1.9).
#[tokio::test]
async fn a_signature_that_does_not_verify_is_not_stored() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    alice.post(UPLOAD, identity(&alice, 0)).await.ok();
    bob.post(UPLOAD, identity(&bob, 10)).await.ok();
    let user_signing = Keys::from_seed(USER_SIGNING).public();
    let key_id = Keys::from_seed(10 + MASTER).public();
    let mut forged = identity(&bob, 10)["master_key"].clone();
    forged["signatures"][&alice.user] =
        json!({ format!("ed25519:{user_signing}"): "A".repeat(86) });
    let mut by_another_key = identity(&bob, 10)["master_key"].clone();
    Keys::from_seed(99).sign(&mut by_another_key, &alice.user, &user_signing);
    let mut about_another_key = identity(&bob, 20)["master_key"].clone();
    let signer = Keys::from_seed(USER_SIGNING);
    signer.sign(&mut about_another_key, &alice.user, &user_signing);
    for object in [forged, by_another_key, about_another_key] {
        let body = json!({ &bob.user: { &key_id: object } });
        let reply = alice.post("/keys/signatures/upload", body).await.ok();
        let failure = &reply["failures"][&bob.user][&key_id];
        assert!(failure["errcode"].is_string(), "{reply}");
    }
    let keys = query(&alice, &bob.user).await;
    let signatures = &keys["master_keys"][&bob.user]["signatures"];
    assert!(signatures.get(&alice.user).is_none(), "{signatures}");
}
