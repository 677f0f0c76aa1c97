//! What refusals of accounts are called in Matrix. What a code means often depends on the endpoint:
//! a handler whose endpoint differs translates before it gets here.

use hearth_accounts::AccountsError;
use http::StatusCode;
use ruma::api::error::ErrorCode;

use crate::ApiError;

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        let message = error.to_string();
        match error {
            AccountsError::Invalid(_) => Self::invalid_param(message),
            AccountsError::BadJson(_) => Self::bad_json(message),
            AccountsError::InvalidUsername(_) => {
                Self::bad_request(ErrorCode::InvalidUsername, message)
            }
            AccountsError::UserInUse => Self::bad_request(ErrorCode::UserInUse, message),
            AccountsError::Exclusive => Self::bad_request(ErrorCode::Exclusive, message),
            AccountsError::Forbidden(_) => Self::forbidden(message),
            AccountsError::UnknownToken => Self::unknown_token(false),
            AccountsError::NotFound(_) => Self::not_found(message),
            AccountsError::TooLarge(_) => Self::too_large(message),
            AccountsError::ProfileKeyTooLarge => Self::bad_request(ErrorCode::KeyTooLarge, message),
            AccountsError::ProfileTooLarge => {
                Self::bad_request(ErrorCode::ProfileTooLarge, message)
            }
            AccountsError::OneTimeKeyExists(_) => Self::invalid_param(message),
            AccountsError::InvalidSignature(_) => {
                Self::bad_request(ErrorCode::from("M_INVALID_SIGNATURE"), message)
            }
            AccountsError::WrongBackupVersion { current } => {
                let code = ErrorCode::WrongRoomKeysVersion;
                Self::new(StatusCode::FORBIDDEN, code, message).with("current_version", current)
            }
            AccountsError::EmailInUse => Self::bad_request(ErrorCode::ThreepidInUse, message),
            AccountsError::NoMail => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, message)
            }
            AccountsError::RefusedLetter => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, message)
            }
            AccountsError::Mail(error) => Self::internal(error),
            AccountsError::TooManyLetters => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, message)
            }
            AccountsError::Conflict => Self::internal(message),
            AccountsError::Store(error) => Self::internal(error),
        }
    }
}
