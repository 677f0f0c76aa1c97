//! What can go wrong with a search.

use hearth_rooms::RoomsError;
use hearth_store::StoreError;

/// Why a search, or the index, failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The place to go on from is none that a search has given.
    #[error("next_batch is not a token of ours")]
    BadCursor,
    /// Something that was asked for is longer than it may be.
    #[error("{field} is over its limit of {max}")]
    OverLimit {
        /// The field of [`crate::SearchQuery`].
        field: &'static str,
        /// Its limit: bytes of a text, items of a list.
        max: usize,
    },
    /// The index cannot be read or written.
    #[error("search index: {0}")]
    Index(String),
    /// An event cannot be read.
    #[error(transparent)]
    Rooms(#[from] RoomsError),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<tantivy::TantivyError> for SearchError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(error.to_string())
    }
}
