//! Invites to an address: whoever proves that it is theirs may come in.

use hearth_tests::{
    Client, Reply, Server, Settings,
    loopback::{Heard, Loopback},
    signing::Keys,
};
use serde_json::{Value, json};

const SERVER: &str = "id.example.org";

fn proof(keys: &Keys, sender: &Client, mxid: &Client) -> Value {
    let mut signed = json!({ "mxid": mxid.user, "sender": sender.user, "token": "token" });
    keys.sign(&mut signed, SERVER, "0");
    signed
}

async fn join(client: &Client, room: &str, signed: Value) -> Reply {
    client.post(&format!("/rooms/{room}/join"), json!({ "third_party_signed": signed })).await
}

async fn invited_room(alice: &Client, key: Value) -> String {
    let room = alice.create_room(json!({})).await;
    let content = json!({ "display_name": "b...@e...", "public_keys": [key] });
    alice.put_state(&room, "m.room.third_party_invite", "token", content).await.ok();
    room
}

#[tokio::test]
async fn the_owner_of_an_invited_address_comes_in() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
    let (keys, others) = (Keys::from_seed(1), Keys::from_seed(2));
    let room = invited_room(&alice, json!({ "public_key": keys.public() })).await;
    for signed in [
        proof(&keys, &alice, &bob),
        proof(&others, &alice, &eve),
        json!({ "mxid": eve.user, "sender": alice.user, "token": "other", "signatures": {} }),
    ] {
        join(&eve, &room, signed).await.assert_matrix_error(403, "M_FORBIDDEN");
    }
    join(&bob, &room, proof(&keys, &alice, &bob)).await.ok();
    assert_eq!(alice.membership(&room, &bob.user).await, "join");
    let messages = alice.all_messages(&room, "b", 50, None).await;
    let invite = messages.iter().find(|event| event["content"]["membership"] == "invite").unwrap();
    assert_eq!(invite["sender"], alice.user.as_str());
    assert_eq!(invite["content"]["third_party_invite"]["display_name"], "b...@e...");
}

#[tokio::test]
async fn a_key_that_nobody_stands_by_does_not_count() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let keys = Keys::from_seed(1);
    let key = json!({
        "public_key": keys.public(),
        "key_validity_url": "http://127.0.0.1:9/_matrix/identity/v2/pubkey/isvalid",
    });
    let room = invited_room(&alice, key).await;
    let refused = join(&bob, &room, proof(&keys, &alice, &bob)).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
}

/// The hash of "bob@example.org email pepper" (specification, `POST /lookup`).
const BOBS_HASH: &str = "Q7m2hACJOO3VkFfldR9Pa1XN6FvI5VhF_EimM-MWEI4";

/// An identity server that knows bob's address, and stores an invite for every other.
async fn identity_server(keys: &Keys) -> Loopback {
    let key = keys.public();
    Loopback::start(move |heard: Heard| {
        assert_eq!(heard.authorization, "Bearer id-token");
        let validity = "https://id.example.org/_matrix/identity/v2/pubkey/isvalid";
        let key = json!({ "public_key": key, "key_validity_url": validity });
        match heard.what.as_str() {
            "GET /_matrix/identity/v2/hash_details" => {
                (200, json!({ "lookup_pepper": "pepper", "algorithms": ["none", "sha256"] }))
            }
            "POST /_matrix/identity/v2/lookup" => {
                assert_eq!(heard.body["pepper"], "pepper");
                assert_eq!(heard.body["algorithm"], "sha256");
                let known = heard.body["addresses"] == json!([BOBS_HASH]);
                let mappings = json!({ BOBS_HASH: "@bob:hearth.test" });
                (200, json!({ "mappings": if known { mappings } else { json!({}) } }))
            }
            "POST /_matrix/identity/v2/store-invite"
                if heard.body["address"] == "no@example.org" =>
            {
                (400, json!({ "errcode": "M_INVALID_EMAIL", "error": "no such address" }))
            }
            "POST /_matrix/identity/v2/store-invite" => {
                assert_eq!(heard.body["room_name"], "The hearth");
                assert_eq!(heard.body["sender"], "@alice:hearth.test");
                let name = heard.body["address"].as_str().unwrap()[..1].to_owned() + "...";
                (200, json!({ "token": "t", "display_name": name, "public_keys": [key, key] }))
            }
            other => panic!("an identity server is asked: {other}"),
        }
    })
    .await
}

async fn server_that_trusts(identity_server: &Loopback) -> Server {
    let servers = format!("[{{ name = {SERVER:?}, url = {:?} }}]", identity_server.url());
    Server::start_with(Settings::default().literal("identity_server", &servers)).await
}

fn guest(address: &str) -> Value {
    json!({
        "id_server": SERVER,
        "id_access_token": "id-token",
        "medium": "email",
        "address": address,
    })
}

#[tokio::test]
async fn whoever_owns_a_known_address_is_invited() {
    let identity_server = identity_server(&Keys::from_seed(1)).await;
    let server = server_that_trusts(&identity_server).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "The hearth" })).await;
    let path = format!("/rooms/{room}/invite");
    alice.post(&path, guest("bob@example.org")).await.ok();
    assert_eq!(alice.membership(&room, &bob.user).await, "invite");
    bob.post(&path, guest("carol@example.org")).await.assert_matrix_error(403, "M_FORBIDDEN");
    let mut elsewhere = guest("carol@example.org");
    elsewhere["id_server"] = json!("evil.example.org");
    alice.post(&path, elsewhere).await.assert_matrix_error(403, "M_SERVER_NOT_TRUSTED");
    let refused = alice.post(&path, guest("no@example.org")).await;
    refused.assert_matrix_error(403, "M_THREEPID_DENIED");
}

#[tokio::test]
async fn an_unknown_address_is_invited_until_somebody_owns_it() {
    let keys = Keys::from_seed(1);
    let identity_server = identity_server(&keys).await;
    let server = server_that_trusts(&identity_server).await;
    let alice = server.register("alice").await;
    let guests = json!([guest("carol@example.org")]);
    let room = alice.create_room(json!({ "name": "The hearth", "invite_3pid": guests })).await;
    let invite = alice.state(&room, "m.room.third_party_invite", "t").await.ok();
    assert_eq!(invite["display_name"], "c...");
    assert_eq!(invite["public_key"], keys.public());
    assert_eq!(invite["public_keys"].as_array().unwrap().len(), 2);
    let strangers = json!({ "invite_3pid": [{
        "id_server": "evil.example.org", "id_access_token": "x",
        "medium": "email", "address": "carol@example.org",
    }] });
    let refused = alice.post("/createRoom", strangers).await;
    refused.assert_matrix_error(403, "M_SERVER_NOT_TRUSTED");
}
