//! What guests may look into.

use serde_json::{Value, json};

use crate::testing::server_with;

#[tokio::test]
async fn guests_look_into_world_readable_rooms_only() {
    let server = server_with(|options| options.settings.guests = true);
    let alice = server.client("alice").await;
    let session = server.stranger().ok("POST", "v3/register?kind=guest", json!({})).await;
    let guest = server.stranger().with_token(&session["access_token"]);
    let visibility = json!({
        "type": "m.room.history_visibility",
        "content": { "history_visibility": "world_readable" },
    });
    let mut rooms = Vec::new();
    for state in [json!([visibility]), json!([])] {
        let created = alice.ok("POST", "v3/createRoom", json!({ "initial_state": state })).await;
        rooms.push(created["room_id"].as_str().unwrap().to_owned());
    }
    let at =
        |room: &str| [format!("v3/rooms/{room}/initialSync"), format!("v3/events?room_id={room}")];
    for path in at(&rooms[0]) {
        guest.ok("GET", &path, Value::Null).await;
    }
    for path in at(&rooms[1]) {
        guest.refused("GET", &path, Value::Null, 403, "M_FORBIDDEN").await;
    }
    for path in ["v3/initialSync", "v3/events"] {
        guest.refused("GET", path, Value::Null, 403, "M_GUEST_ACCESS_FORBIDDEN").await;
    }
}
