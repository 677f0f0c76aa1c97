//! Stories told to the room endpoints of the whole router: answers, refusals and their codes.

mod conversation;
mod entering;

use serde_json::{Value, json};

use crate::testing::Client;

async fn new_room(client: &Client, request: Value) -> String {
    let room = client.ok("POST", "v3/createRoom", request).await;
    room["room_id"].as_str().unwrap().to_owned()
}

async fn say(client: &Client, room: &str, txn: &str, body: &str) -> String {
    let path = format!("v3/rooms/{room}/send/m.room.message/{txn}");
    let sent = client.ok("PUT", &path, json!({ "msgtype": "m.text", "body": body })).await;
    sent["event_id"].as_str().unwrap().to_owned()
}

fn bodies(chunk: &Value) -> Vec<&str> {
    let events = chunk.as_array().unwrap().iter();
    events.filter_map(|event| event["content"]["body"].as_str()).collect()
}
