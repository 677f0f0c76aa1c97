//! What the server answered, with the checks that every story makes.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// `METHOD path` of the request, for failure messages.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body of an answer that must be 200 and JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.request, self.text());
        self.json()
    }

    /// The body of an answer that must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{}: {error} in {:?}", self.request, self.text()))
    }

    /// The body of an answer that must be a Matrix error with this status and code.
    #[track_caller]
    pub fn assert_matrix_error(&self, status: u16, errcode: &str) -> Value {
        let context = format!("{} answered {} {}", self.request, self.status, self.text());
        assert_eq!(self.status, status, "{context}");
        let body = self.json();
        assert_eq!(body["errcode"], errcode, "{context}");
        assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()), "{context}");
        body
    }

    /// A header that must be there, in lower case.
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name);
        let value = value.unwrap_or_else(|| panic!("{}: no header {name}", self.request));
        value.to_str().unwrap().to_ascii_lowercase()
    }

    /// The body as text, shortened, for failure messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(2_000)]).into_owned()
    }
}
