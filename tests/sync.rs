//! `/sync`: asking, waiting for a condition, and taking answers apart.

use std::time::Instant;

use serde_json::Value;

use crate::{Client, Reply, rooms::query_string, wait::PATIENCE};

/// How long one long-poll of [`Client::sync_until`] lasts, in milliseconds.
const POLL_MS: &str = "2000";

impl Client {
    /// One sync from `since`; waits up to `timeout_ms` for something new.
    pub async fn sync(&self, since: Option<&str>, timeout_ms: u64) -> Value {
        let timeout = timeout_ms.to_string();
        let mut query = vec![("timeout", timeout.as_str())];
        query.extend(since.map(|since| ("since", since)));
        self.sync_query(&query).await.ok()
    }

    /// One sync with these query parameters.
    pub async fn sync_query(&self, query: &[(&str, &str)]) -> Reply {
        self.get(&format!("/sync?{}", query_string(query))).await
    }

    /// One sync with a filter given in place.
    pub async fn sync_filtered(&self, since: Option<&str>, filter: &Value) -> Value {
        let filter = filter.to_string();
        let mut query = vec![("timeout", "0"), ("filter", filter.as_str())];
        query.extend(since.map(|since| ("since", since)));
        self.sync_query(&query).await.ok()
    }

    /// A token for everything up to now.
    pub async fn now(&self) -> String {
        next_batch(&self.sync(None, 0).await)
    }

    /// Syncs on from `since` until an answer satisfies `wanted`, and returns that answer.
    pub async fn sync_until(&self, since: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut since = since.to_owned();
        loop {
            let query = [("timeout", POLL_MS), ("since", since.as_str())];
            let body = self.sync_query(&query).await.ok();
            if wanted(&body) {
                return body;
            }
            assert!(Instant::now() < deadline, "no such sync; the last was {body:#}");
            since = next_batch(&body);
        }
    }

    /// Syncs on until this event is in the room's timeline, and returns that answer.
    pub async fn sync_event(&self, since: &str, room: &str, event: &str) -> Value {
        self.sync_until(since, |body| has_event(timeline(body, room), event)).await
    }
}

/// The token to go on from.
#[track_caller]
pub fn next_batch(body: &Value) -> String {
    body["next_batch"].as_str().expect("a next_batch").to_owned()
}

/// A room in the `join` section.
pub fn joined<'a>(body: &'a Value, room: &str) -> &'a Value {
    &body["rooms"]["join"][room]
}

/// The timeline of a joined room; empty when the room is not in the answer.
pub fn timeline<'a>(body: &'a Value, room: &str) -> &'a [Value] {
    events(&joined(body, room)["timeline"])
}

/// The state of a joined room; empty when the room is not in the answer.
pub fn state<'a>(body: &'a Value, room: &str) -> &'a [Value] {
    events(&joined(body, room)["state"])
}

/// The `events` of a section; empty when the section is absent.
pub fn events(section: &Value) -> &[Value] {
    section["events"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether an event is among these.
pub fn has_event(events: &[Value], event: &str) -> bool {
    events.iter().any(|candidate| candidate["event_id"] == event)
}

/// The one event of a type, if it is among these.
pub fn of_type<'a>(events: &'a [Value], kind: &str) -> Option<&'a Value> {
    events.iter().find(|event| event["type"] == kind)
}

/// The event of a type and state key, if it is among these.
pub fn of_state<'a>(events: &'a [Value], kind: &str, key: &str) -> Option<&'a Value> {
    events.iter().find(|event| event["type"] == kind && event["state_key"] == key)
}
