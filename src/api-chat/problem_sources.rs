//! What refusals of the parts below are as problems. What a refusal means often depends on the
//! endpoint: a handler whose endpoint differs translates before it gets here.

use hearth_accounts::AccountsError;
use hearth_bus::RetryAfter;
use hearth_http::ApiError;
use hearth_media::MediaError;
use hearth_rooms::RoomsError;
use http::StatusCode;

use crate::Problem;

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<RetryAfter> for Problem {
    fn from(retry_after: RetryAfter) -> Self {
        Self::too_many_requests(retry_after.ms)
    }
}

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let message = error.to_string();
        let other = |status, kind| Self::new(status, kind, error.to_string());
        match error {
            MediaError::TooLarge { .. } | MediaError::TooLargeToThumbnail => {
                other(StatusCode::PAYLOAD_TOO_LARGE, "too-large")
            }
            MediaError::QuotaExceeded => other(StatusCode::FORBIDDEN, "quota-exceeded"),
            MediaError::Malware(_) => Self::invalid_field("file", message),
            MediaError::ScanFailed(_) | MediaError::Busy => {
                other(StatusCode::SERVICE_UNAVAILABLE, "busy")
            }
            MediaError::TooManyPending { retry_after_ms } => {
                Self::too_many_requests(retry_after_ms)
            }
            MediaError::NotReserved | MediaError::NotYetUploaded | MediaError::NotThumbnailable => {
                Self::not_found(message)
            }
            MediaError::NotOwner => Self::forbidden(message),
            MediaError::AlreadyUploaded => other(StatusCode::CONFLICT, "conflict"),
            MediaError::Interrupted(_) => Self::invalid_field("", message),
            MediaError::Store(_) | MediaError::Blobs(_) | MediaError::Settings(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<RoomsError> for Problem {
    fn from(error: RoomsError) -> Self {
        let message = error.to_string();
        let bad_request = |kind, message| Self::new(StatusCode::BAD_REQUEST, kind, message);
        match error {
            RoomsError::NotFound(_) => Self::not_found(message),
            RoomsError::Forbidden(_) | RoomsError::ServerNotices => Self::forbidden(message),
            RoomsError::BadRequest(_)
            | RoomsError::InvalidParam(_)
            | RoomsError::BadJson(_)
            | RoomsError::UnsupportedVersion(_)
            | RoomsError::DelayTooLong
            | RoomsError::NotInThread => bad_request("invalid-request", message),
            RoomsError::DuplicateAnnotation => {
                Self::new(StatusCode::CONFLICT, "already-reacted", message)
            }
            RoomsError::InUse(_) => Self::new(StatusCode::CONFLICT, "in-use", message),
            RoomsError::ConflictingUnsubscription | RoomsError::DelayedFinished => {
                Self::new(StatusCode::CONFLICT, "conflict", message)
            }
            RoomsError::TooManyDelayed { retry_after_ms } => {
                Self::too_many_requests(retry_after_ms)
            }
            RoomsError::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
            }
            RoomsError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message),
            RoomsError::Corrupt(_) => Self::internal(message),
            RoomsError::Store(error) => Self::internal(error),
        }
    }
}
