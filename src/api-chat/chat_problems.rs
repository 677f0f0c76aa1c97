//! What refusals of `hearth-chat` are as problems.

use hearth_chat::ChatError;
use http::StatusCode;

use crate::Problem;

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        let message = error.to_string();
        match error {
            ChatError::NotFound(_) => Self::not_found(message),
            ChatError::NotAMember => Self::new(StatusCode::FORBIDDEN, "not-a-member", message),
            ChatError::Forbidden(_) => Self::forbidden(message),
            ChatError::Invalid { field, detail } => Self::invalid_field(field, detail),
            ChatError::Archived => Self::new(StatusCode::FORBIDDEN, "archived", message),
            ChatError::Encrypted => Self::new(StatusCode::CONFLICT, "encrypted-room", message),
            ChatError::RulesNotAccepted => {
                Self::new(StatusCode::FORBIDDEN, "rules-not-accepted", message)
            }
            ChatError::Gone(_) => Self::new(StatusCode::GONE, "gone", message),
            ChatError::TooMany(_) => Self::new(StatusCode::CONFLICT, "too-many", message),
            ChatError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message),
            ChatError::Rooms(error) => error.into(),
            ChatError::Accounts(error) => error.into(),
            ChatError::Store(error) => Self::internal(error),
        }
    }
}
