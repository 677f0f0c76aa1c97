//! What can go wrong in the store, by what the caller can do about it.

use crate::Keyspace;

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The bytes on disk are not what this version wrote; nothing a caller can do.
    #[error("corrupt row in {keyspace:?}: {reason}")]
    Corrupt {
        /// Where the row is.
        keyspace: Keyspace,
        /// What is wrong with it.
        reason: String,
    },
    /// A key, value, batch or page is over its limit; the request is too large.
    #[error("{what} has {actual}, the limit is {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        actual: usize,
        /// The limit.
        max: usize,
    },
    /// The batch makes no sense: a mistake of the code that made it.
    #[error("malformed batch: {0}")]
    Malformed(&'static str),
    /// The engine failed (disk full, connection lost); trying later may help.
    #[error("storage unavailable: {0}")]
    Unavailable(String),
    /// The store is shutting down and takes no more writes.
    #[error("the store is closed")]
    Closed,
    /// The store was written by a newer version of Hearth.
    #[error("the data has schema version {found}, this version of Hearth knows up to {known}")]
    NewerSchema {
        /// The version on disk.
        found: u32,
        /// The newest version this binary can read.
        known: u32,
    },
}

impl StoreError {
    /// A row that does not decode.
    pub fn corrupt(keyspace: Keyspace, reason: impl ToString) -> Self {
        Self::Corrupt { keyspace, reason: reason.to_string() }
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A check did not hold: read again, decide again.
    #[error("somebody else wrote {keyspace:?} {key:02x?} first")]
    Conflict {
        /// The keyspace of the check that failed.
        keyspace: Keyspace,
        /// Its key.
        key: Vec<u8>,
    },
    /// The store failed; nothing of the batch was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
