//! A push gateway: a real HTTP server on loopback that keeps what it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::wait;

/// A gateway that answers until it is dropped.
pub struct Gateway {
    address: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// What a pusher names it by.
    pub fn url(&self) -> String {
        format!("http://{}/_matrix/push/v1/notify", self.address)
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

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&shared)));
    }
}

/// Answers one request and closes the connection.
async fn answer(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    let mut is_push = None;
    while stream.read_line(&mut line).await? > 2 {
        is_push.get_or_insert(line.starts_with("POST /_matrix/push/v1/notify "));
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    assert_eq!(is_push, Some(true), "a request that is no notification");
    let body: Value = serde_json::from_slice(&body).expect("a notification in JSON");
    shared.received.lock().unwrap().push(body["notification"].clone());
    let planned = shared.answers.lock().unwrap().pop_front();
    let is_down = *shared.is_down.lock().unwrap();
    let (status, body) = match planned {
        Some(planned) => planned,
        None if is_down => (503, json!({})),
        None => (200, json!({ "rejected": [] })),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}
