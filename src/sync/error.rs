//! What can go wrong in a sync.

use hearth_accounts::AccountsError;
use hearth_rooms::RoomsError;
use hearth_rules::PduError;
use hearth_store::StoreError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The `since` token is not one of ours.
    #[error("{0:?} is not a token of ours")]
    BadToken(String),
    /// The `pos` of a connection is not one that is remembered: the client has to start afresh.
    #[error("the connection is not known any more")]
    UnknownPos,
    /// What a connection was told could not be written.
    #[error("cannot write a connection: {0}")]
    Connection(#[from] postcard::Error),
    /// Rooms could not be read.
    #[error(transparent)]
    Rooms(#[from] RoomsError),
    /// Accounts could not be read.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored event cannot be shown.
    #[error(transparent)]
    Pdu(#[from] PduError),
    /// An answer could not be written as JSON.
    #[error("cannot write the answer: {0}")]
    Json(#[from] serde_json::Error),
}
