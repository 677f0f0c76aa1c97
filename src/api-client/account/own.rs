//! Endpoints whose path names a user, and which are for that user only.

use hearth_http::{ApiError, Caller};
use ruma::UserId;

/// Refuses whoever is not the user of the path.
pub(super) fn check_own(caller: &Caller, user_id: &UserId) -> Result<(), ApiError> {
    if caller.user == user_id {
        Ok(())
    } else {
        Err(ApiError::forbidden("this belongs to somebody else"))
    }
}
