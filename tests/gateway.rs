//! A push gateway: a real HTTP server on loopback that keeps what it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::{
    loopback::{Heard, Loopback},
    wait,
};

/// The path that every gateway has.
const PATH: &str = "/_matrix/push/v1/notify";

/// A gateway that answers until it is dropped.
pub struct Gateway {
    server: Loopback,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Value>>,
    /// What to answer next; nothing left means that all is well.
    answers: Mutex<VecDeque<(u16, Value)>>,
    is_down: Mutex<bool>,
}

impl Gateway {
    /// A gateway that accepts everything.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        let server = Loopback::start(move |heard| told.answer(&heard)).await;
        Self { server, shared }
    }

    /// What a pusher names it by.
    pub fn url(&self) -> String {
        self.server.url() + PATH
    }

    /// Answers the next notification in this way.
    pub fn answer_next(&self, status: u16, body: Value) {
        self.shared.answers.lock().unwrap().push_back((status, body));
    }

    /// From now on every notification fails, or none.
    pub fn set_down(&self, is_down: bool) {
        *self.shared.is_down.lock().unwrap() = is_down;
    }

    /// Every notification so far, failed ones included, in order.
    pub fn received(&self) -> Vec<Value> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Waits until a notification satisfies `wanted`, and returns the first that does.
    pub async fn notified(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = || {
            let found = self.received().into_iter().find(&wanted);
            async { found }
        };
        wait::until(what, look).await
    }
}

impl Shared {
    fn answer(&self, heard: &Heard) -> (u16, Value) {
        assert_eq!(heard.what, format!("POST {PATH}"), "a request that is no notification");
        self.received.lock().unwrap().push(heard.body["notification"].clone());
        let planned = self.answers.lock().unwrap().pop_front();
        let is_down = *self.is_down.lock().unwrap();
        match planned {
            Some(planned) => planned,
            None if is_down => (503, json!({})),
            None => (200, json!({ "rejected": [] })),
        }
    }
}
