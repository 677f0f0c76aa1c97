//! What can go wrong in a room, by what the caller can do about it.

use hearth_rules::{BuildError, NotAllowed, OwnedStateError, PduError};
use hearth_store::StoreError;
use ruma::RoomVersionId;

/// Why a room operation failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RoomsError {
    /// There is no such room, event, alias or membership, or the user must not know.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The room's rules, or the user's membership, do not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The request contradicts itself or the room.
    #[error("{0}")]
    BadRequest(String),
    /// A parameter has a value that it must not have.
    #[error("{0}")]
    InvalidParam(String),
    /// The content is not canonical JSON.
    #[error("{0}")]
    BadJson(String),
    /// An event, an identifier or a list is over its limit.
    #[error("{0}")]
    TooLarge(String),
    /// The alias or room exists already.
    #[error("{0} is in use")]
    InUse(&'static str),
    /// The user has reacted to the event with the same key before.
    #[error("you have reacted like that before")]
    DuplicateAnnotation,
    /// The event that a client names as the cause of a thread subscription is not in the thread.
    #[error("the event is not in the thread")]
    NotInThread,
    /// The user left the thread after the event that is named as the cause of a subscription.
    #[error("you left the thread after that event")]
    ConflictingUnsubscription,
    /// The delay of a delayed event is over its limit.
    #[error("the delay is too long")]
    DelayTooLong,
    /// The user has too many delayed events already.
    #[error("you have too many delayed events")]
    TooManyDelayed {
        /// When the next of them is due, in milliseconds.
        retry_after_ms: u64,
    },
    /// The delayed event was sent or cancelled before.
    #[error("the delayed event was sent or cancelled before")]
    DelayedFinished,
    /// It is the invite to the room in which the server speaks to the user.
    #[error("the invite to the server's notices cannot be rejected")]
    ServerNotices,
    /// The room version is not one that this server creates or joins.
    #[error("room version {0} is not supported")]
    UnsupportedVersion(RoomVersionId),
    /// Too many requests wait for this room, or it changed too often: try again.
    #[error("the room is busy")]
    Busy,
    /// The room's stored events contradict each other.
    #[error("corrupt room: {0}")]
    Corrupt(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotAllowed> for RoomsError {
    fn from(refusal: NotAllowed) -> Self {
        Self::Forbidden(refusal.reason)
    }
}

impl From<OwnedStateError> for RoomsError {
    fn from(error: OwnedStateError) -> Self {
        match error {
            OwnedStateError::Malformed => Self::BadJson(error.to_string()),
            OwnedStateError::NotAllowed(refusal) => refusal.into(),
        }
    }
}

impl From<PduError> for RoomsError {
    fn from(error: PduError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<BuildError> for RoomsError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::BadJson(reason) => Self::BadJson(reason),
            BuildError::TooLarge(reason) => Self::TooLarge(reason),
            BuildError::Malformed(reason) => Self::BadRequest(reason),
        }
    }
}
