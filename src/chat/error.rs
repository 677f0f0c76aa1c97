//! What can go wrong, by what the caller can do about it.

use hearth_accounts::AccountsError;
use hearth_rooms::RoomsError;
use hearth_store::{CommitError, StoreError};

/// Why something was refused or failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// What the request names does not exist, or the user must not know of it.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The user is not in the room.
    #[error("you are not a member of this room")]
    NotAMember,
    /// The user may not do this here.
    #[error("{0}")]
    Forbidden(String),
    /// A value of the request cannot be used.
    #[error("{field}: {detail}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why not.
        detail: String,
    },
    /// What the request names did exist, and is over.
    #[error("{0}")]
    Gone(&'static str),
    /// Nobody writes in the room or comes in any more.
    #[error("this room is archived: it can be read, and nothing else")]
    Archived,
    /// The messages of the room are encrypted, and what would be written is not.
    #[error("this room is encrypted: write with a client that encrypts")]
    Encrypted,
    /// The user has to accept the rules of the room first.
    #[error("accept the rules of this room before you post in it")]
    RulesNotAccepted,
    /// There are as many of them as there may be.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// Others change the same at this moment: try again.
    #[error("somebody else is changing this: try again")]
    Busy,
    /// Something about a room was refused or failed.
    #[error(transparent)]
    Rooms(RoomsError),
    /// Something about a user was refused or failed.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChatError {
    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Self::Forbidden(reason.into())
    }

    pub(crate) fn invalid(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { field, detail: detail.into() }
    }

    /// Whether the same attempt may succeed later.
    pub(crate) fn is_temporary(&self) -> bool {
        let is_down =
            |error: &StoreError| matches!(error, StoreError::Unavailable(_) | StoreError::Closed);
        match self {
            Self::Busy | Self::Rooms(RoomsError::Busy) => true,
            Self::Store(error)
            | Self::Rooms(RoomsError::Store(error))
            | Self::Accounts(AccountsError::Store(error)) => is_down(error),
            _ => false,
        }
    }
}

impl From<RoomsError> for ChatError {
    fn from(error: RoomsError) -> Self {
        match error {
            RoomsError::NotFound(what) => Self::NotFound(what),
            RoomsError::Forbidden(reason) => Self::Forbidden(reason),
            RoomsError::Busy => Self::Busy,
            RoomsError::Store(error) => Self::Store(error),
            other => Self::Rooms(other),
        }
    }
}

impl From<CommitError> for ChatError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::Busy,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}
