//! How much one request may cost.

use std::time::Duration;

/// Longest time to connect, TLS included; what a request's own limits allow may be shorter.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection that nobody uses is kept.
pub(crate) const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// Most connections to one host that nobody uses and that are kept.
pub(crate) const IDLE_CONNECTIONS_MAX: usize = 4;
/// Most header lines of an answer.
pub(crate) const HEADER_LINES_MAX: usize = 100;
/// Most bytes of an answer's header names and values.
pub(crate) const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Most addresses of a host that are looked at.
pub(crate) const ADDRESSES_MAX: usize = 16;

/// How much one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of an answer in bytes.
    pub body_bytes_max: u64,
    /// Longest time from the start to the end of the body, redirects included.
    pub time_max: Duration,
    /// Most redirects that a GET follows.
    pub redirects_max: u8,
}

impl Default for Limits {
    /// For a small JSON answer: 1 MiB, 30 seconds, 5 redirects.
    fn default() -> Self {
        Self { body_bytes_max: 1024 * 1024, time_max: Duration::from_secs(30), redirects_max: 5 }
    }
}
