//! Why a request had no answer, by what the caller can do.

/// Why a request had no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The address is not one that we may reach: asking again is of no use.
    #[error("the address is not allowed")]
    Forbidden,
    /// The URL is not an absolute `http` or `https` one with a host.
    #[error("the URL cannot be requested: {0}")]
    BadUrl(String),
    /// The answer, or its headers, are larger than the limits allow.
    #[error("the answer is too large")]
    TooLarge,
    /// The whole request took longer than the limits allow.
    #[error("the request timed out")]
    TimedOut,
    /// Redirects led on and on, or to nowhere.
    #[error("too many redirects, or a redirect without a destination")]
    Redirects,
    /// There is no such host, nobody answers there, or not in HTTP: another time, perhaps.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The settings do not make a client.
    #[error("{0}")]
    Settings(String),
}
