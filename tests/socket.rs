//! A WebSocket of the chat API, and what comes through it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        handshake::client::Request,
        http::{HeaderName, HeaderValue},
    },
};

use crate::Chat;

/// Longest wait for a frame.
const FRAME_TIME_MAX: Duration = Duration::from_secs(20);

/// The subprotocol of JSON frames.
pub const JSON_PROTOCOL: &str = "hearth.chat.v1.json";
/// The subprotocol of MessagePack frames.
pub const COMPACT_PROTOCOL: &str = "hearth.chat.v1.msgpack";

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    commands: u64,
    /// The `pos` of the last frame.
    pub pos: String,
}

impl Chat {
    /// The handshake of a socket, with a query and headers.
    pub fn handshake(&self, query: &str, headers: &[(&str, &str)]) -> Request {
        let address = self.address("/ws").replacen("http", "ws", 1);
        let mut request = format!("{address}{query}").into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    /// A socket whose token came with the handshake, after its first frame.
    pub async fn socket(&self) -> Socket {
        self.socket_from("").await.0
    }

    /// As [`Chat::socket`], with a query; and the first frame.
    pub async fn socket_from(&self, query: &str) -> (Socket, Value) {
        let token = self.token.as_deref().expect("a token");
        let protocols = format!("{JSON_PROTOCOL}, hearth.token.{token}");
        let headers = [("sec-websocket-protocol", protocols.as_str())];
        let mut socket = Socket::open(self.handshake(query, &headers)).await.unwrap();
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        assert_eq!(ready["user_id"], self.user);
        (socket, ready)
    }
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// The server refuses the handshake.
    pub async fn open(request: Request) -> Result<Self, Box<tungstenite::Error>> {
        let (stream, _) = connect_async(request).await.map_err(Box::new)?;
        Ok(Self { stream, commands: 0, pos: String::new() })
    }

    /// Sends anything.
    pub async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Says something as JSON.
    pub async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    /// The next message that is not the protocol's own.
    pub async fn message(&mut self) -> Message {
        self.try_message().await.expect("an open socket")
    }

    /// As [`Socket::message`]; `None` if the connection ended without a word.
    pub async fn try_message(&mut self) -> Option<Message> {
        loop {
            let message = timeout(FRAME_TIME_MAX, self.stream.next()).await;
            let message = message.expect("a frame in time")?.ok()?;
            if !matches!(message, Message::Ping(_) | Message::Pong(_)) {
                return Some(message);
            }
        }
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        let message = self.message().await;
        let frame: Value = serde_json::from_str(message.to_text().unwrap())
            .unwrap_or_else(|error| panic!("{error}: {message:?}"));
        self.pos = frame["pos"].as_str().expect("a pos").to_owned();
        frame
    }

    /// The next frame of a type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Gives a command under a new id; its answer. What comes before is passed over.
    pub async fn ask(&mut self, mut command: Value) -> Value {
        self.commands += 1;
        let id = format!("command {}", self.commands);
        command["id"] = json!(id);
        self.say(command).await;
        loop {
            let frame = self.next().await;
            if frame["id"] == id {
                return frame;
            }
        }
    }

    /// As [`Socket::ask`], of what must be done.
    pub async fn tell(&mut self, command: Value) -> Value {
        let answer = self.ask(command).await;
        assert_eq!(answer["type"], "ack", "{answer}");
        answer
    }

    /// Subscribes to a room.
    pub async fn join(&mut self, room_id: &str) {
        self.tell(json!({ "type": "join_room", "room_id": room_id })).await;
    }

    /// Everything up to the answer to a ping, so that nothing is still on its way.
    pub async fn rest(&mut self) -> Vec<Value> {
        self.commands += 1;
        let id = format!("command {}", self.commands);
        self.say(json!({ "type": "ping", "id": id })).await;
        let mut rest = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["id"] == id {
                return rest;
            }
            rest.push(frame);
        }
    }

    /// The code with which the server closes the socket; frames before are passed over.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.message().await {
                Message::Close(Some(close)) => return close.code.into(),
                Message::Close(None) => panic!("closed without a code"),
                _ => {}
            }
        }
    }
}

/// What the new messages among some frames say.
pub fn contents(frames: &[Value]) -> Vec<&str> {
    let created = frames.iter().filter(|frame| frame["type"] == "message_created");
    created.map(|frame| frame["message"]["content"].as_str().unwrap()).collect()
}
