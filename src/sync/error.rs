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
