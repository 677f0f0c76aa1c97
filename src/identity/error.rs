//! Why an identity server was of no help, by what the caller can do.

use hearth_outgoing::OutgoingError;

/// Why an identity server was of no help.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The settings do not name it.
    #[error("this server does not trust the identity server {0}")]
    NotTrusted(String),
    /// The client's request cannot be passed on: a token that no header can hold.
    #[error("the request cannot be passed on to the identity server")]
    BadRequest,
    /// It refused, or failed.
    #[error("the identity server answered: {0}")]
    Refused(String),
    /// It gave no answer: another time, perhaps.
    #[error("the identity server cannot be reached: {0}")]
    Unreachable(#[from] OutgoingError),
    /// Its answer is none that the specification knows.
    #[error("the answer of the identity server cannot be understood: {0}")]
    BadAnswer(String),
}
