//! What refusals of rooms and of media are called in Matrix.
//!
//! What a refusal means often depends on the endpoint: a handler whose endpoint differs translates
//! before it gets here. Refusals of accounts are translated by `hearth-http`.

use axum::response::{IntoResponse, Response};
use hearth_accounts::AccountsError;
use hearth_base::limits::DELAYED_EVENT_DELAY_MS_MAX;
use hearth_bus::RetryAfter;
use hearth_http::ApiError;
use hearth_identity::IdentityError;
use hearth_media::MediaError;
use hearth_push::PushError;
use hearth_rooms::RoomsError;
use hearth_search::SearchError;
use http::StatusCode;
use ruma::{UserId, api::error::ErrorCode};

/// A refused or failed request, as its client sees it.
#[derive(Debug)]
pub struct Error(ApiError);

impl Error {
    /// 403 `M_THREEPID_DENIED`: this server knows no email addresses and phone numbers.
    pub(crate) fn threepid_denied() -> Self {
        let message = "this server does not know email addresses or phone numbers";
        Self(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, message))
    }

    /// 403 `M_INVITE_BLOCKED`.
    pub(crate) fn invite_blocked(user_id: &UserId) -> Self {
        let message = format!("{user_id} does not want to be invited");
        Self(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::InviteBlocked, message))
    }

    /// 400 `M_INVALID_ROOM_STATE`.
    pub(crate) fn invalid_room_state(reason: String) -> Self {
        Self(ApiError::bad_request(ErrorCode::InvalidRoomState, reason))
    }

    /// 403 `M_GUEST_ACCESS_FORBIDDEN`.
    pub(crate) fn guest_access_forbidden() -> Self {
        Self(ApiError::guest_access_forbidden())
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<AccountsError> for Error {
    fn from(error: AccountsError) -> Self {
        Self(error.into())
    }
}

impl From<RetryAfter> for Error {
    fn from(retry_after: RetryAfter) -> Self {
        Self(retry_after.into())
    }
}

impl From<RoomsError> for Error {
    fn from(error: RoomsError) -> Self {
        let message = error.to_string();
        Self(match error {
            RoomsError::NotFound(_) => ApiError::not_found(message),
            RoomsError::Forbidden(_) => ApiError::forbidden(message),
            RoomsError::BadRequest(_) => ApiError::bad_request(ErrorCode::Unknown, message),
            RoomsError::InvalidParam(_) => ApiError::invalid_param(message),
            RoomsError::BadJson(_) => ApiError::bad_json(message),
            RoomsError::TooLarge(_) => ApiError::too_large(message),
            RoomsError::InUse(_) => ApiError::bad_request(ErrorCode::RoomInUse, message),
            RoomsError::DuplicateAnnotation => {
                ApiError::bad_request(ErrorCode::DuplicateAnnotation, message)
            }
            RoomsError::NotInThread => ApiError::bad_request(ErrorCode::NotInThread, message),
            RoomsError::ConflictingUnsubscription => {
                ApiError::new(StatusCode::CONFLICT, ErrorCode::ConflictingUnsubscription, message)
            }
            RoomsError::DelayTooLong => ApiError::bad_request(ErrorCode::Unknown, message)
                .with("org.matrix.msc4140.errcode", "M_MAX_DELAY_EXCEEDED")
                .with("org.matrix.msc4140.max_delay", DELAYED_EVENT_DELAY_MS_MAX),
            RoomsError::TooManyDelayed { retry_after_ms } => {
                ApiError::limit_exceeded(retry_after_ms)
            }
            RoomsError::DelayedFinished => {
                ApiError::new(StatusCode::CONFLICT, ErrorCode::Unknown, message)
            }
            RoomsError::ServerNotices => {
                let code = ErrorCode::CannotLeaveServerNoticeRoom;
                ApiError::new(StatusCode::FORBIDDEN, code, message)
            }
            RoomsError::UnsupportedVersion(_) => {
                ApiError::bad_request(ErrorCode::UnsupportedRoomVersion, message)
            }
            RoomsError::Busy => {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown, message)
            }
            RoomsError::Corrupt(_) => ApiError::internal(message),
            RoomsError::Store(error) => ApiError::internal(error),
        })
    }
}

impl From<MediaError> for Error {
    fn from(error: MediaError) -> Self {
        let message = error.to_string();
        let other = |status, code| ApiError::new(status, code, message.clone());
        Self(match error {
            MediaError::TooLarge { .. } | MediaError::TooLargeToThumbnail => {
                ApiError::too_large(message)
            }
            MediaError::QuotaExceeded => other(StatusCode::FORBIDDEN, ErrorCode::UserLimitExceeded),
            MediaError::TooManyPending { retry_after_ms } => {
                ApiError::limit_exceeded(retry_after_ms)
            }
            MediaError::NotReserved => ApiError::not_found(message),
            MediaError::NotOwner => ApiError::forbidden(message),
            MediaError::AlreadyUploaded => {
                other(StatusCode::CONFLICT, ErrorCode::CannotOverwriteMedia)
            }
            MediaError::NotYetUploaded => {
                other(StatusCode::GATEWAY_TIMEOUT, ErrorCode::NotYetUploaded)
            }
            MediaError::NotThumbnailable => ApiError::bad_request(ErrorCode::Unknown, message),
            MediaError::Malware(_) => ApiError::forbidden(message),
            MediaError::ScanFailed(_) => other(StatusCode::BAD_GATEWAY, ErrorCode::Unknown),
            MediaError::Busy => other(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown),
            MediaError::Interrupted(_) => ApiError::bad_request(ErrorCode::Unknown, message),
            MediaError::Store(error) => ApiError::internal(error),
            MediaError::Blobs(error) => ApiError::internal(error),
            MediaError::Settings(reason) => ApiError::internal(reason),
        })
    }
}

impl From<PushError> for Error {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Invalid(reason) => Self(ApiError::invalid_param(reason)),
            PushError::UnknownEmail => {
                Self(ApiError::bad_request(ErrorCode::ThreepidNotFound, error.to_string()))
            }
            PushError::Rooms(error) => error.into(),
            PushError::Accounts(error) => error.into(),
            other => Self(ApiError::internal(other)),
        }
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        let message = error.to_string();
        let other = |status, code| Self(ApiError::new(status, code, message.clone()));
        match error {
            IdentityError::NotTrusted(_) => {
                other(StatusCode::FORBIDDEN, ErrorCode::ServerNotTrusted)
            }
            IdentityError::BadRequest => other(StatusCode::BAD_REQUEST, ErrorCode::InvalidParam),
            IdentityError::Refused(_) => other(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied),
            IdentityError::Unreachable(_) | IdentityError::BadAnswer(_) => {
                other(StatusCode::BAD_GATEWAY, ErrorCode::Unknown)
            }
        }
    }
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::BadCursor | SearchError::OverLimit { .. } => {
                Self(ApiError::invalid_param(error.to_string()))
            }
            SearchError::Index(_) => Self(ApiError::internal(error)),
            SearchError::Rooms(error) => error.into(),
            SearchError::Store(error) => Self(ApiError::internal(error)),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
