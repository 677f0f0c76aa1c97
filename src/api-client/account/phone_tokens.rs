//! `…/msisdn/requestToken`: phone numbers are not known here.

use hearth_http::{ApiError, Ruma};
use http::StatusCode;
use ruma::api::{
    client::account::{
        request_3pid_management_token_via_msisdn as add,
        request_password_change_token_via_msisdn as reset,
        request_registration_token_via_msisdn as register,
    },
    error::ErrorCode,
};

const MESSAGE: &str = "this server does not know phone numbers";

/// `POST /register/msisdn/requestToken`.
pub(crate) async fn request_registration_message(_: Ruma<register::v3::Request>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, MESSAGE)
}

/// `POST /account/password/msisdn/requestToken`.
pub(crate) async fn request_password_message(_: Ruma<reset::v3::Request>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, MESSAGE)
}

/// `POST /account/3pid/msisdn/requestToken`.
pub(crate) async fn request_third_party_id_message(_: Ruma<add::v3::Request>) -> ApiError {
    ApiError::bad_request(ErrorCode::ThreepidMediumNotSupported, MESSAGE)
}
