//! Rooms as a client sees them: membership, events, state, history.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Client, Reply, client::encode};

impl Client {
    /// Creates a room and returns its id.
    pub async fn create_room(&self, options: Value) -> String {
        let body = self.post("/createRoom", options).await.ok();
        body["room_id"].as_str().expect("a room id").to_owned()
    }

    /// Creates a public room and lets `members` join it.
    pub async fn create_room_with(&self, members: &[&Client]) -> String {
        let room = self.create_room(json!({ "preset": "public_chat" })).await;
        for member in members {
            member.join(&room).await;
        }
        room
    }

    /// Joins a room, which must succeed.
    pub async fn join(&self, room: &str) {
        let body = self.try_join(room).await.ok();
        assert!(body["room_id"].is_string(), "{body}");
    }

    /// Asks to join a room by id or alias.
    pub async fn try_join(&self, room: &str) -> Reply {
        self.post(&format!("/join/{}", encode(room)), json!({})).await
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &str) -> Reply {
        self.post(&format!("/rooms/{room}/leave"), json!({})).await
    }

    /// Forgets a room.
    pub async fn forget(&self, room: &str) -> Reply {
        self.post(&format!("/rooms/{room}/forget"), json!({})).await
    }

    /// Knocks on a room.
    pub async fn knock(&self, room: &str) -> Reply {
        self.post(&format!("/knock/{room}"), json!({ "reason": "let me in" })).await
    }

    /// `invite`, `kick`, `ban` or `unban` another user.
    pub async fn moderate(&self, action: &str, room: &str, user: &str) -> Reply {
        self.post(&format!("/rooms/{room}/{action}"), json!({ "user_id": user })).await
    }

    /// Invites another user, which must succeed.
    pub async fn invite(&self, room: &str, user: &str) {
        self.moderate("invite", room, user).await.ok();
    }

    /// Sends an event under a transaction id.
    pub async fn send_as(&self, room: &str, kind: &str, txn: &str, content: Value) -> Reply {
        self.put(&format!("/rooms/{room}/send/{kind}/{txn}"), content).await
    }

    /// Sends an event, which must succeed, and returns its id.
    pub async fn send(&self, room: &str, kind: &str, content: Value) -> String {
        event_id(&self.send_as(room, kind, &self.transaction(), content).await)
    }

    /// Sends a text message and returns its id.
    pub async fn say(&self, room: &str, text: &str) -> String {
        self.send(room, "m.room.message", json!({ "msgtype": "m.text", "body": text })).await
    }

    /// Sends an event that relates to another, and returns its id.
    pub async fn relate(&self, room: &str, kind: &str, relation: Value, rest: Value) -> String {
        let mut content = rest;
        content["m.relates_to"] = relation;
        self.send(room, kind, content).await
    }

    /// Redacts an event and returns the redaction's id.
    pub async fn redact(&self, room: &str, event: &str) -> String {
        let path = format!("/rooms/{room}/redact/{event}/{}", self.transaction());
        event_id(&self.put(&path, json!({ "reason": "no longer wanted" })).await)
    }

    /// Asks to set a state event.
    pub async fn put_state(&self, room: &str, kind: &str, key: &str, content: Value) -> Reply {
        self.put(&format!("/rooms/{room}/state/{kind}/{}", encode(key)), content).await
    }

    /// Asks for the content of a state event.
    pub async fn state(&self, room: &str, kind: &str, key: &str) -> Reply {
        self.get(&format!("/rooms/{room}/state/{kind}/{}", encode(key))).await
    }

    /// This user's or another's membership, by the room's state.
    pub async fn membership(&self, room: &str, user: &str) -> String {
        let content = self.state(room, "m.room.member", user).await.ok();
        content["membership"].as_str().unwrap().to_owned()
    }

    /// Asks for an event.
    pub async fn event(&self, room: &str, event: &str) -> Reply {
        self.get(&format!("/rooms/{room}/event/{event}")).await
    }

    /// Asks for a page of history with these query parameters.
    pub async fn messages(&self, room: &str, query: &[(&str, &str)]) -> Reply {
        let query = query_string(query);
        self.get(&format!("/rooms/{room}/messages?{query}")).await
    }

    /// Every event from `from` (or the end of history) on, page by page, in the order received.
    pub async fn all_messages(
        &self,
        room: &str,
        direction: &str,
        page: usize,
        from: Option<&str>,
    ) -> Vec<Value> {
        let limit = page.to_string();
        let mut query = vec![("dir", direction), ("limit", limit.as_str())];
        query.extend(from.map(|from| ("from", from)));
        self.pages(room, &query).await.unwrap()
    }

    /// Every event between two tokens, newest first; an error when the server breaks off.
    pub async fn messages_back(
        &self,
        room: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<Value>, reqwest::Error> {
        self.pages(room, &[("dir", "b"), ("limit", "100"), ("from", from), ("to", to)]).await
    }

    async fn pages(
        &self,
        room: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<Value>, reqwest::Error> {
        let of = |key: &str| query.iter().find(|pair| pair.0 == key).map(|pair| pair.1.to_owned());
        let rest: Vec<_> = query.iter().copied().filter(|pair| pair.0 != "from").collect();
        let (mut from, to) = (of("from"), of("to"));
        let mut events = Vec::new();
        loop {
            let mut query = rest.clone();
            query.extend(from.as_deref().map(|from| ("from", from)));
            let path = format!("/rooms/{room}/messages?{}", query_string(&query));
            let body = self.attempt(self.request(Method::GET, &path)).await?.ok();
            let chunk = body["chunk"].as_array().expect("a chunk");
            events.extend(chunk.iter().cloned());
            let end = body["end"].as_str().map(str::to_owned);
            if end.is_none() || (to.is_some() && (end == to || chunk.is_empty())) {
                return Ok(events);
            }
            assert_ne!(from, end, "pagination stands still");
            from = end;
        }
    }

    /// Sends a PUT, POST or other request with a raw body.
    pub async fn raw(&self, method: Method, path: &str, body: &str) -> Reply {
        let request = self.request(method, path).header("content-type", "application/json");
        self.exchange(request.body(body.to_owned())).await
    }
}

/// The event id in the answer to a send.
#[track_caller]
pub fn event_id(reply: &Reply) -> String {
    reply.ok()["event_id"].as_str().expect("an event id").to_owned()
}

/// A state event with an empty state key, for the `initial_state` of a new room.
pub fn initial_state(kind: &str, content: Value) -> Value {
    json!({ "type": kind, "state_key": "", "content": content })
}

/// `m.room.history_visibility` for the `initial_state` of a new room.
pub fn history_visibility(setting: &str) -> Value {
    initial_state("m.room.history_visibility", json!({ "history_visibility": setting }))
}

/// Query parameters, escaped.
pub fn query_string(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The ids of events, in order.
pub fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event_id"].as_str().expect("an event id")).collect()
}

/// The bodies of the messages among events, in order.
pub fn bodies(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}
