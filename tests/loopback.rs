//! A small HTTP server on loopback, for what Hearth asks others: push gateways, identity servers.

use std::sync::Arc;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A server that answers until it is dropped.
pub struct Loopback {
    address: String,
    task: JoinHandle<()>,
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Method and path, as in `GET /path`.
    pub what: String,
    /// The `Authorization` header; empty if there is none.
    pub authorization: String,
    /// The body; null if there is none.
    pub body: Value,
}

type Answer = dyn Fn(Heard) -> (u16, Value) + Send + Sync;

impl Loopback {
    /// A server that gives these answers: a status and a JSON body.
    pub async fn start(answer: impl Fn(Heard) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(serve(listener, Arc::new(answer)));
        Self { address, task }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, answer: Arc<Answer>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(exchange(stream, Arc::clone(&answer)));
    }
}

/// Answers one request and closes the connection.
async fn exchange(stream: TcpStream, answer: Arc<Answer>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let heard = read(&mut stream).await?;
    let (status, body) = answer(heard);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Heard> {
    let mut what = String::new();
    stream.read_line(&mut what).await?;
    let what = what.rsplit_once(' ').unwrap_or_default().0.to_owned();
    let (mut line, mut length, mut authorization) = (String::new(), 0, String::new());
    while stream.read_line(&mut line).await? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => authorization = value.trim().to_owned(),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Heard { what, authorization, body })
}
