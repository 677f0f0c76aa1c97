//! Looking into rooms without joining them, and the sync of before `/sync`.

use hearth_tests::{Client, Server, rooms::history_visibility};
use serde_json::{Value, json};

async fn readable_room(client: &Client) -> String {
    let state = history_visibility("world_readable");
    client.create_room(json!({ "name": "Square", "initial_state": [state] })).await
}

fn bodies(chunk: &Value) -> Vec<&str> {
    let chunk = chunk.as_array().unwrap().iter();
    chunk.filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test]
async fn everybody_looks_into_a_world_readable_room() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = readable_room(&alice).await;
    let private = alice.create_room(json!({})).await;
    alice.say(&room, "hello").await;
    let info = bob.get(&format!("/rooms/{room}/initialSync")).await.ok();
    assert_eq!(info["room_id"], room.as_str());
    assert_eq!(bodies(&info["messages"]["chunk"]), ["hello"]);
    assert!(info["state"].as_array().unwrap().iter().any(|event| event["type"] == "m.room.name"));
    assert!(info.get("membership").is_none(), "they are not in it");
    let from = info["messages"]["end"].as_str().unwrap();
    let listen = format!("/events?room_id={room}&from={from}&timeout=20000");
    let (heard, _) = tokio::join!(bob.get(&listen), alice.say(&room, "again"));
    let heard = heard.ok();
    assert_eq!(bodies(&heard["chunk"]), ["again"]);
    assert_eq!(heard["chunk"][0]["room_id"], room.as_str());
    let on = format!("/events?room_id={room}&from={}", heard["end"].as_str().unwrap());
    assert_eq!(bob.get(&on).await.ok()["chunk"], json!([]));
    for path in [format!("/rooms/{private}/initialSync"), format!("/events?room_id={private}")] {
        bob.get(&path).await.assert_matrix_error(403, "M_FORBIDDEN");
    }
    let nowhere = bob.get("/rooms/!nowhere:hearth.test/initialSync").await;
    nowhere.assert_matrix_error(403, "M_FORBIDDEN");
    alice.say(&room, "hello").await;
}

#[tokio::test]
async fn an_initial_sync_has_all_rooms_and_events_follow() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let invited = alice.create_room(json!({ "invite": [bob.user] })).await;
    let left = alice.create_room_with(&[&bob]).await;
    bob.leave(&left).await.ok();
    for body in ["one", "two", "three"] {
        alice.say(&room, body).await;
    }
    let all = bob.get("/initialSync?limit=2").await.ok();
    let rooms = all["rooms"].as_array().unwrap();
    assert_eq!(rooms.len(), 2, "{rooms:#?}");
    let find = |id: &str| rooms.iter().find(|info| info["room_id"] == id).unwrap();
    let joined = find(&room);
    assert_eq!((&joined["membership"], &joined["visibility"]), (&json!("join"), &json!("private")));
    assert_eq!(bodies(&joined["messages"]["chunk"]), ["two", "three"]);
    let invite = find(&invited);
    assert_eq!(invite["membership"], "invite");
    assert_eq!(invite["invite"]["state_key"], bob.user.as_str());
    assert!(
        all["account_data"].as_array().unwrap().iter().any(|one| one["type"] == "m.push_rules")
    );
    assert!(all["presence"].is_array());
    let archived = bob.get("/initialSync?archived=true").await.ok();
    assert_eq!(archived["rooms"].as_array().unwrap().len(), 3);

    let from = all["end"].as_str().unwrap();
    let listen = format!("/events?from={from}&timeout=20000");
    let (heard, event) = tokio::join!(bob.get(&listen), alice.say(&room, "four"));
    let heard = heard.ok();
    assert_eq!((&heard["start"], bodies(&heard["chunk"])), (&json!(from), vec!["four"]));
    let one = bob.get(&format!("/events/{event}")).await.ok();
    assert_eq!((&one["room_id"], &one["content"]["body"]), (&json!(room), &json!("four")));
    let carol = server.register("carol").await;
    let hidden = carol.get(&format!("/events/{event}")).await;
    hidden.assert_matrix_error(404, "M_NOT_FOUND");
    bob.get("/events?from=nonsense").await.assert_matrix_error(400, "M_INVALID_PARAM");
}
