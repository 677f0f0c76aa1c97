//! A Matrix client: one access token, and requests that it goes with.
//!
//! Paths are relative to `/_matrix/client/v3`, except those of [`ABSOLUTE`].

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Reply, conformance};

/// How the paths begin that are not relative.
const ABSOLUTE: [&str; 4] = ["/_", "/.", "/health", "/metrics"];

/// One device of one user, or nobody.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    transactions: Arc<AtomicU64>,
    /// The access token that goes with each request.
    pub token: Option<String>,
    /// The user id; empty for nobody.
    pub user: String,
    /// The device id; empty for nobody.
    pub device: String,
}

impl Client {
    /// A client without a session.
    pub fn new(http: reqwest::Client, base: String) -> Self {
        Self {
            http,
            base,
            transactions: Arc::default(),
            token: None,
            user: String::new(),
            device: String::new(),
        }
    }

    /// The same client with the session of a register or login answer.
    #[must_use]
    pub fn with_session(&self, body: &Value) -> Self {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        Self {
            transactions: Arc::default(),
            token: body["access_token"].as_str().map(str::to_owned),
            user: text("user_id"),
            device: text("device_id"),
            ..self.clone()
        }
    }

    /// The same client with another access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client without a session.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self::new(self.http.clone(), self.base.clone())
    }

    /// The user's localpart.
    pub fn localpart(&self) -> &str {
        self.user.trim_start_matches('@').split(':').next().unwrap()
    }

    /// A transaction id that this device has not used.
    pub fn transaction(&self) -> String {
        format!("t{}", self.transactions.fetch_add(1, Ordering::Relaxed))
    }

    /// A request with the access token, to be completed and given to [`Client::exchange`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let is_absolute = ABSOLUTE.iter().any(|start| path.starts_with(start));
        let prefix = if is_absolute { "" } else { "/_matrix/client/v3" };
        let request = self.http.request(method, format!("{}{prefix}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads its whole answer; an error when the server breaks off.
    pub async fn attempt(&self, request: RequestBuilder) -> Result<Reply, reqwest::Error> {
        let request = request.build()?;
        let name = format!("{} {}", request.method(), request.url());
        let sent = request.try_clone();
        let reply = self.http.execute(request).await?;
        let reply = Reply {
            request: name,
            status: reply.status().as_u16(),
            headers: reply.headers().clone(),
            bytes: reply.bytes().await?.into(),
        };
        if let Some(sent) = sent {
            conformance::judge(&sent, &reply);
        }
        Ok(reply)
    }

    /// Sends a request that must be answered and reads its whole answer.
    pub async fn exchange(&self, request: RequestBuilder) -> Reply {
        self.attempt(request).await.unwrap()
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

    /// DELETE without a body.
    pub async fn delete(&self, path: &str) -> Reply {
        self.exchange(self.request(Method::DELETE, path)).await
    }
}

/// A value as one path segment or query value: everything but unreserved characters is escaped.
pub fn encode(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
