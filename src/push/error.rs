//! What can go wrong, by what the caller can do about it.

use hearth_accounts::AccountsError;
use hearth_rooms::RoomsError;
use hearth_store::{CommitError, StoreError};

/// Why something could not be read, written or accepted.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// A parameter of the request is not usable.
    #[error("{0}")]
    Invalid(String),
    /// An e-mail address is not the user's.
    #[error("that is not an e-mail address of yours")]
    UnknownEmail,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something about a room could not be read.
    #[error(transparent)]
    Rooms(#[from] RoomsError),
    /// Something about a user could not be read or written.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// A row is not what this crate writes.
    #[error("damaged: {0}")]
    Damaged(#[from] serde_json::Error),
}

impl PushError {
    /// Whether the same attempt may succeed later.
    pub(crate) fn is_temporary(&self) -> bool {
        let is_down =
            |error: &StoreError| matches!(error, StoreError::Unavailable(_) | StoreError::Closed);
        match self {
            Self::Store(error)
            | Self::Rooms(RoomsError::Store(error))
            | Self::Accounts(AccountsError::Store(error)) => is_down(error),
            _ => false,
        }
    }
}

impl From<CommitError> for PushError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            // Nothing that this crate writes has a check.
            CommitError::Conflict { .. } => StoreError::Malformed("an unexpected check").into(),
        }
    }
}
