//! A client of the chat API: one token, and requests that it goes with.
//!
//! Paths are relative to the API's base path.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Client, Reply, Server, session::PASSWORD};

/// What the paths of the API begin with.
pub const BASE_PATH: &str = "/api";

/// One session of one user, or nobody.
#[derive(Clone, Debug)]
pub struct Chat {
    http: reqwest::Client,
    base: String,
    /// The token that goes with each request.
    pub token: Option<String>,
    /// What a new token is had for.
    pub refresh_token: String,
    /// The user id; empty for nobody.
    pub user: String,
}

impl Server {
    /// A client of the chat API without an account.
    pub fn chat(&self) -> Chat {
        self.chat_at(BASE_PATH)
    }

    /// As [`Server::chat`], where the paths of the API begin with something else.
    pub fn chat_at(&self, base_path: &str) -> Chat {
        Chat {
            http: self.http(),
            base: format!("{}{base_path}", self.base_url()),
            token: None,
            refresh_token: String::new(),
            user: String::new(),
        }
    }

    /// Clients of the chat API with new accounts.
    pub async fn chatters<const COUNT: usize>(&self, names: [&str; COUNT]) -> [Chat; COUNT] {
        let mut chatters = Vec::with_capacity(COUNT);
        for name in names {
            chatters.push(self.chat().register(name).await);
        }
        chatters.try_into().expect("a client for each name")
    }
}

impl Chat {
    /// A new account, with the password of all stories.
    pub async fn register(&self, username: &str) -> Self {
        let body = json!({ "username": username, "password": PASSWORD });
        let session = self.post("/auth/register", body).await.created();
        self.with_session(&session)
    }

    /// Logs the account of a Matrix client in.
    pub async fn login_as(&self, client: &Client) -> Self {
        self.login(&client.user).await
    }

    /// Logs in with the password of all stories.
    pub async fn login(&self, username: &str) -> Self {
        let body = json!({ "username": username, "password": PASSWORD });
        let session = self.post("/auth/login", body).await.ok();
        self.with_session(&session)
    }

    /// The same client with the session of a login answer.
    #[must_use]
    pub fn with_session(&self, session: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            token: Some(text(&session["token"])),
            refresh_token: text(&session["refresh_token"]),
            user: text(&session["user"]["id"]),
            ..self.clone()
        }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A public room of this person that others have joined; its id.
    pub async fn room_with(&self, others: &[&Self]) -> String {
        let room = self.create_room("Room", "public").await;
        for other in others {
            other.join_room(&room).await;
        }
        room
    }

    /// The whole address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads its whole answer.
    pub async fn exchange(&self, request: RequestBuilder) -> Reply {
        let request = request.build().unwrap();
        let name = format!("{} {}", request.method(), request.url());
        let reply = self.http.execute(request).await.unwrap();
        Reply {
            request: name,
            status: reply.status().as_u16(),
            headers: reply.headers().clone(),
            bytes: reply.bytes().await.unwrap().into(),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.exchange(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.exchange(self.request(Method::POST, path).json(&body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.exchange(self.request(Method::PUT, path).json(&body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.exchange(self.request(Method::PATCH, path).json(&body)).await
    }

    /// DELETE without a body.
    pub async fn delete(&self, path: &str) -> Reply {
        self.exchange(self.request(Method::DELETE, path)).await
    }
}

/// What stories do in rooms.
impl Chat {
    /// Makes a room and returns its id.
    pub async fn create_room(&self, name: &str, room_type: &str) -> String {
        let room = self.post("/rooms", json!({ "name": name, "type": room_type })).await.created();
        id(&room)
    }

    /// Joins a room, which must succeed.
    pub async fn join_room(&self, room: &str) {
        self.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    }

    /// The direct room with another user.
    pub async fn direct_room(&self, user: &str) -> String {
        let reply = self.post("/rooms", json!({ "type": "direct", "user_id": user })).await;
        assert!([200, 201].contains(&reply.status), "{}", reply.text());
        id(&reply.json())
    }

    /// Asks to send a message.
    pub async fn try_say(&self, room: &str, content: &str) -> Reply {
        self.post(&format!("/rooms/{room}/messages"), json!({ "content": content })).await
    }

    /// Sends a message and returns its id.
    pub async fn say(&self, room: &str, content: &str) -> String {
        id(&self.try_say(room, content).await.created())
    }

    /// A message as this user sees it.
    pub async fn message(&self, message: &str) -> Value {
        self.get(&format!("/messages/{message}")).await.ok()
    }

    /// A page of messages with these query parameters.
    pub async fn messages(&self, room: &str, query: &str) -> Value {
        self.get(&format!("/rooms/{room}/messages?{query}")).await.ok()
    }
}

/// The id of whatever was answered.
#[track_caller]
pub fn id(body: &Value) -> String {
    body["id"].as_str().expect("an id").to_owned()
}

impl Reply {
    /// The body of an answer that must be 201 and JSON.
    #[track_caller]
    pub fn created(&self) -> Value {
        assert_eq!(self.status, 201, "{}: {}", self.request, self.text());
        self.json()
    }

    /// An answer that must be 204.
    #[track_caller]
    pub fn done(&self) {
        assert_eq!(self.status, 204, "{}: {}", self.request, self.text());
    }

    /// The body of an answer that must be a problem document of this status and kind.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, kind: &str) -> Value {
        let context = format!("{} answered {} {}", self.request, self.status, self.text());
        assert_eq!(self.status, status, "{context}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{context}");
        let body = self.json();
        assert_eq!(body["type"], format!("urn:hearth:problem:{kind}"), "{context}");
        assert_eq!(body["status"], status, "{context}");
        body
    }

    /// An answer that must refuse exactly these fields.
    #[track_caller]
    pub fn assert_invalid(&self, fields: &[&str]) {
        let body = self.assert_problem(400, "invalid-request");
        let errors = body["errors"].as_array().expect("errors");
        let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{body}");
    }
}
