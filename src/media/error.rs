//! What can go wrong with media, by what the caller can do about it.

use hearth_store::{CommitError, StoreError};

/// A failed upload, download or thumbnail. What does not exist is `None`, not an error.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The upload is larger than allowed.
    #[error("the upload is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The user or the server has no space left.
    #[error("the quota for uploads is used up")]
    QuotaExceeded,
    /// The user has too many reserved ids without content.
    #[error("too many uploads are pending")]
    TooManyPending {
        /// When the first of them expires, from now.
        retry_after_ms: u64,
    },
    /// The id to upload to was not reserved here, or that is too long ago.
    #[error("unknown media id")]
    NotReserved,
    /// The id to upload to was reserved by somebody else.
    #[error("somebody else reserved this media id")]
    NotOwner,
    /// The id to upload to has content already.
    #[error("the media id has content already")]
    AlreadyUploaded,
    /// The id is reserved, and its content has not arrived in time.
    #[error("the content has not been uploaded yet")]
    NotYetUploaded,
    /// The content is no picture that can be decoded.
    #[error("the content is no picture that can be made smaller")]
    NotThumbnailable,
    /// The content has too many bytes or pixels for a thumbnail.
    #[error("the content is too large for a thumbnail")]
    TooLargeToThumbnail,
    /// Too many pictures wait for a thumbnail; trying later may help.
    #[error("no thumbnail could be made in time")]
    Busy,
    /// The scanner found malware in the content.
    #[error("the content is malware: {0}")]
    Malware(String),
    /// The scanner did not say whether the content is clean.
    #[error("the content could not be scanned: {0}")]
    ScanFailed(String),
    /// The body of the upload ended early.
    #[error("the upload was interrupted: {0}")]
    Interrupted(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings do not name a place for blobs.
    #[error("{0}")]
    Settings(String),
    /// The blobs cannot be read or written (disk full, a file is gone).
    #[error("blobs unavailable: {0}")]
    Blobs(#[from] object_store::Error),
}

/// Whether a batch was committed, or has to be planned again on what is there now.
pub(crate) fn committed<T>(outcome: Result<T, CommitError>) -> Result<bool, MediaError> {
    match outcome {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// After too many conflicts.
pub(crate) fn contended() -> MediaError {
    StoreError::Unavailable("too many writers of the same media".to_owned()).into()
}
