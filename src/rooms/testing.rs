//! What the tests of this crate start from.

use std::{future::Future, pin::pin, task::Poll};

use hearth_base::{Clock, Random};
use hearth_rules::{ClientEventFormat, SigningKey};
use hearth_statemap::StateHasher;
use hearth_store::{MemoryEngine, Store};
use ruma::{
    EventId, OwnedEventId, OwnedUserId, RoomVersionId, UserId, device_id,
    events::TimelineEventType, server_name,
};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};
use tokio_util::task::TaskTracker;

use crate::{CreateRoom, EventRequest, Profile, Room, Rooms, RoomsError, Sent, Settings, Viewer};

/// Rooms of `example.org` in memory, with a clock that stands still.
pub fn rooms() -> Rooms {
    rooms_on(Store::new(MemoryEngine::new()))
}

/// Rooms of `example.org` on a store.
pub fn rooms_on(store: Store) -> Rooms {
    let random = Random::seeded(1);
    let settings = Settings {
        server_name: server_name!("example.org").to_owned(),
        default_version: RoomVersionId::V12,
        event_cache_bytes: 1 << 20,
        state_cache_nodes: 1_000,
    };
    let key = SigningKey::generate(&random).unwrap();
    let hasher = StateHasher::new([7; 32]);
    let clock = Clock::manual(1_700_000_000_000);
    Rooms::new(store, settings, clock, random, key, hasher, TaskTracker::new())
}

/// A user of `example.org`.
pub fn user(localpart: &str) -> OwnedUserId {
    UserId::parse(format!("@{localpart}:example.org")).unwrap()
}

/// A request for a room with nothing special.
pub fn private_room(creator: &UserId) -> CreateRoom {
    CreateRoom::new(creator.to_owned())
}

/// A room that everybody may join.
pub async fn public_room(rooms: &Rooms, creator: &UserId) -> Room {
    let request = CreateRoom { published: true, ..private_room(creator) };
    rooms.create_room(request).await.unwrap()
}

/// A message event.
pub fn message(sender: &UserId, body: &str) -> EventRequest {
    event(sender, "m.room.message", None, serde_json::json!({ "msgtype": "m.text", "body": body }))
}

/// Any event.
pub fn event(
    sender: &UserId,
    event_type: &str,
    state_key: Option<&str>,
    content: Value,
) -> EventRequest {
    EventRequest {
        sender: sender.to_owned(),
        event_type: TimelineEventType::from(event_type),
        state_key: state_key.map(str::to_owned),
        content: to_raw_value(&content).unwrap(),
        redacts: None,
        transaction: None,
        origin_server_ts: None,
    }
}

/// A message that relates to an event.
pub fn relating(sender: &UserId, rel_type: &str, parent: &EventId) -> EventRequest {
    let content = serde_json::json!({
        "msgtype": "m.text",
        "body": rel_type,
        "m.new_content": { "msgtype": "m.text", "body": rel_type },
        "m.relates_to": { "rel_type": rel_type, "event_id": parent },
    });
    event(sender, "m.room.message", None, content)
}

/// The redaction of an event.
pub fn redaction(sender: &UserId, target: &EventId) -> EventRequest {
    let redaction = event(sender, "m.room.redaction", None, serde_json::json!({}));
    EventRequest { redacts: Some(target.to_owned()), ..redaction }
}

/// Joins with an empty profile.
pub async fn join(rooms: &Rooms, room: &Room, user_id: &UserId) -> Result<Sent, RoomsError> {
    rooms.join(room, user_id, &Profile::default(), Map::new()).await
}

/// Events as a user gets them in a timeline, on the device `DEVICE`.
pub async fn render(rooms: &Rooms, user_id: &UserId, events: &[OwnedEventId]) -> Vec<Value> {
    let snapshot = rooms.snapshot().await.unwrap();
    let mut found = Vec::new();
    for event_id in events {
        let event = rooms.event_by_id(snapshot.as_ref(), event_id).await.unwrap();
        found.push(event.unwrap());
    }
    let device_id = Some(device_id!("DEVICE"));
    let viewer = Viewer { user_id, device_id, now: rooms.clock().now() };
    let format = ClientEventFormat::Sync;
    let rendered = rooms.render(snapshot.as_ref(), &found, &viewer, format, true).await;
    let parse = |raw: Box<RawValue>| serde_json::from_str(raw.get()).unwrap();
    rendered.unwrap().into_iter().map(parse).collect()
}

/// Polls a future once, so that its request waits in a queue before the next one.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
