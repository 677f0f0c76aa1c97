//! What the tests and the benchmark of this crate start from.

#![allow(missing_docs, clippy::unwrap_used, reason = "test code")]
#![allow(dead_code, reason = "the benchmark needs only a part of what the tests need")]

use std::{ops::Deref, sync::Arc, time::Duration};

use hearth_fixtures::{Fixture, Setup};
use hearth_rooms::Room;
use ruma::{
    UserId,
    api::client::{filter::FilterDefinition, sync::sync_events::v3::Response},
    events::TimelineEventType,
    presence::PresenceState,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use hearth_sync::{Request, Sync};

/// A server of `example.org` in memory, with a clock that stands still.
pub struct Server {
    pub sync: Sync,
    lower: Fixture,
}

pub fn server() -> Server {
    let lower = Setup::default().build();
    let Fixture { store, clock, tasks, accounts, rooms, bus, .. } = lower.clone();
    let stop = CancellationToken::new();
    Server { sync: Sync::new(store, accounts, rooms, bus, clock, &tasks, stop), lower }
}

impl Deref for Server {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.lower
    }
}

impl Server {
    pub async fn say(&self, room: &Room, sender: &UserId, body: &str) {
        self.lower.say(room, sender, body).await.unwrap();
    }

    pub async fn rename(&self, room: &Room, sender: &UserId, name: &str) {
        let content = json!({ "name": name });
        let kind = TimelineEventType::RoomName;
        self.event(room, sender, kind, Some(""), &content).await.unwrap();
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
