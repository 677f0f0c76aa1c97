//! Invites to an address: whoever proves that it is theirs may come in.

use hearth_tests::{Client, Reply, Server, signing::Keys};
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
