//! One request and what was answered to it.

use serde_json::Value;

/// One request and what was answered to it.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as it was sent, percent-encoded.
    pub path: &'a str,
    /// The query as it was sent; empty without one.
    pub query: &'a str,
    /// The body of the request; empty without one, or when it was streamed.
    pub sent: &'a [u8],
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body of the answer.
    pub body: &'a [u8],
}

impl Exchange<'_> {
    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The media type of the answer, without parameters.
    pub(crate) fn media_type(&self) -> &str {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// Whether the request asks for something that is not specified yet, by a parameter of a
    /// proposal.
    pub(crate) fn is_of_a_proposal(&self) -> bool {
        self.query.split('&').any(|pair| pair.starts_with("org.matrix."))
    }

    /// Whether the request carries this field, in its query or in its body's top level.
    pub(crate) fn names(&self, field: &str) -> bool {
        let mut query = self.query.split('&').filter_map(|pair| pair.split('=').next());
        let body = || serde_json::from_slice::<Value>(self.sent).unwrap_or_default();
        query.any(|name| name == field) || body().get(field).is_some()
    }
}
