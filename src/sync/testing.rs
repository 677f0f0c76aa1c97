//! What the tests and the benchmark of this crate start from.

#![allow(missing_docs, clippy::unwrap_used, reason = "test code")]
#![allow(dead_code, reason = "the benchmark needs only a part of what the tests need")]

use std::{sync::Arc, time::Duration};

use hearth_accounts::{Accounts, NewUser, PasswordCost};
use hearth_base::{Clock, Random};
use hearth_bus::Bus;
use hearth_rooms::{CreateRoom, EventRequest, Profile, Room, Rooms};
use hearth_rules::SigningKey;
use hearth_statemap::StateHasher;
use hearth_store::{MemoryEngine, Store};
use ruma::{
    OwnedUserId, RoomVersionId, UserId,
    api::client::{filter::FilterDefinition, sync::sync_events::v3::Response},
    events::TimelineEventType,
    presence::PresenceState,
    server_name,
};
use serde_json::{Map, json, value::to_raw_value};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use hearth_sync::{Request, Sync};

/// A server of `example.org` in memory, with a clock that stands still.
pub struct Server {
    pub accounts: Accounts,
    pub rooms: Rooms,
    pub bus: Bus,
    pub sync: Sync,
}

pub fn server() -> Server {
    let store = Store::new(MemoryEngine::new());
    let (clock, random) = (Clock::manual(1_700_000_000_000), Random::seeded(1));
    let name = server_name!("example.org").to_owned();
    let mut settings = hearth_accounts::Settings::new(name.clone());
    settings.password_cost = PasswordCost::default();
    let accounts = Accounts::new(store.clone(), clock.clone(), random.clone(), settings).unwrap();
    let tasks = TaskTracker::new();
    let rooms = Rooms::new(
        store.clone(),
        hearth_rooms::Settings {
            server_name: name,
            default_version: RoomVersionId::V12,
            event_cache_bytes: 1 << 20,
            state_cache_nodes: 1_000,
        },
        clock.clone(),
        random.clone(),
        SigningKey::generate(&random).unwrap(),
        StateHasher::new([7; 32]),
        tasks.clone(),
    );
    let bus = Bus::new(clock.clone(), &random, None);
    let stop = CancellationToken::new();
    let sync = Sync::new(store, accounts.clone(), rooms.clone(), bus.clone(), clock, &tasks, stop);
    Server { accounts, rooms, bus, sync }
}

impl Server {
    pub async fn user(&self, localpart: &str) -> OwnedUserId {
        let user_id = UserId::parse(format!("@{localpart}:example.org")).unwrap();
        self.accounts.create_user(&user_id, NewUser::default()).await.unwrap();
        user_id
    }

    pub async fn room(&self, creator: &UserId, published: bool) -> Room {
        let request = CreateRoom { published, ..CreateRoom::new(creator.to_owned()) };
        self.rooms.create_room(request).await.unwrap()
    }

    pub async fn join(&self, room: &Room, user_id: &UserId) {
        self.rooms.join(room, user_id, &Profile::default(), Map::new()).await.unwrap();
    }

    pub async fn say(&self, room: &Room, sender: &UserId, body: &str) {
        let content = json!({ "msgtype": "m.text", "body": body });
        let request = EventRequest {
            sender: sender.to_owned(),
            event_type: TimelineEventType::RoomMessage,
            state_key: None,
            content: to_raw_value(&content).unwrap(),
            redacts: None,
            transaction: None,
            origin_server_ts: None,
        };
        self.rooms.send(room, request).await.unwrap();
    }

    pub async fn rename(&self, room: &Room, sender: &UserId, name: &str) {
        let request = EventRequest {
            sender: sender.to_owned(),
            event_type: TimelineEventType::RoomName,
            state_key: Some(String::new()),
            content: to_raw_value(&json!({ "name": name })).unwrap(),
            redacts: None,
            transaction: None,
            origin_server_ts: None,
        };
        self.rooms.send(room, request).await.unwrap();
    }

    pub async fn sync(&self, user_id: &UserId, since: Option<&str>, timeout_ms: u64) -> Response {
        let request = Request {
            user_id: user_id.to_owned(),
            device_id: "DEVICE".into(),
            since: since.map(|since| since.parse().unwrap()),
            filter: Arc::new(FilterDefinition::default()),
            full_state: false,
            use_state_after: false,
            timeout: Duration::from_millis(timeout_ms),
            set_presence: PresenceState::Offline,
        };
        self.sync.sync(&request).await.unwrap()
    }
}
