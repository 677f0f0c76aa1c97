//! The one shape of failures: a status, a Matrix error code, a message and further JSON fields.
//!
//! What only an administrator can do something about is logged here, when it is answered, inside
//! the span of its request; the client learns nothing but that it happened.

use std::{borrow::Cow, error::Error};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use hearth_bus::RetryAfter;
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use ruma::api::error::ErrorCode;
use serde_json::{Map, Value};

/// A refused or failed request, as its client sees it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    /// Code and message; none only while user-interactive authentication goes on.
    reason: Option<(ErrorCode, Cow<'static, str>)>,
    /// Further fields of the body.
    fields: Map<String, Value>,
    retry_after_ms: Option<u64>,
    /// Why the server failed; only the log sees it.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What an API with another shape of errors makes its own from.
#[derive(Debug)]
pub struct ErrorParts {
    /// The status of the response.
    pub status: StatusCode,
    /// The Matrix error code.
    pub code: ErrorCode,
    /// What went wrong, for people.
    pub message: Cow<'static, str>,
    /// When to try again.
    pub retry_after_ms: Option<u64>,
    /// Why the server failed; only for the log.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error of this status and code.
    #[must_use]
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Some((code, message.into())), ..Self::unspecific(status) }
    }

    /// A status without a code: nothing went wrong, but more is needed.
    pub(crate) fn unspecific(status: StatusCode) -> Self {
        Self { status, reason: None, fields: Map::new(), retry_after_ms: None, cause: None }
    }

    /// 400 with this code.
    #[must_use]
    pub fn bad_request(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `M_INVALID_PARAM`.
    #[must_use]
    pub fn invalid_param(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(ErrorCode::InvalidParam, message)
    }

    /// 400 `M_MISSING_PARAM`.
    #[must_use]
    pub fn missing_param(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(ErrorCode::MissingParam, message)
    }

    /// 400 `M_BAD_JSON`.
    #[must_use]
    pub fn bad_json(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(ErrorCode::BadJson, message)
    }

    /// 401 `M_UNAUTHORIZED`.
    #[must_use]
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
    }

    /// 401 `M_MISSING_TOKEN`.
    #[must_use]
    pub fn missing_token() -> Self {
        let message = "missing access token";
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::MissingToken, message)
    }

    /// 401 `M_UNKNOWN_TOKEN`; with `soft_logout` the client keeps its device and logs in again.
    #[must_use]
    pub fn unknown_token(soft_logout: bool) -> Self {
        let message = if soft_logout { "access token expired" } else { "unknown access token" };
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::UnknownToken, message)
            .with("soft_logout", soft_logout)
    }

    /// 403 `M_FORBIDDEN`.
    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
    }

    /// 403 `M_GUEST_ACCESS_FORBIDDEN`.
    #[must_use]
    pub fn guest_access_forbidden() -> Self {
        let message = "guests cannot do this";
        Self::new(StatusCode::FORBIDDEN, ErrorCode::GuestAccessForbidden, message)
    }

    /// 404 `M_NOT_FOUND`.
    #[must_use]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// 404 `M_UNRECOGNIZED`: there is no such endpoint here.
    #[must_use]
    pub fn unrecognized() -> Self {
        let message = "unrecognized request";
        Self::new(StatusCode::NOT_FOUND, ErrorCode::Unrecognized, message)
    }

    /// 413 `M_TOO_LARGE`.
    #[must_use]
    pub fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, message)
    }

    /// 429 `M_LIMIT_EXCEEDED`, in body and header with the time to wait.
    #[must_use]
    pub fn limit_exceeded(retry_after_ms: u64) -> Self {
        let message = "too many requests";
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::LimitExceeded, message);
        error.retry_after_ms = Some(retry_after_ms);
        error.with("retry_after_ms", retry_after_ms)
    }

    /// 500 `M_UNKNOWN`; the cause goes to the log only.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let mut error = Self::new(status, ErrorCode::Unknown, "internal server error");
        error.cause = Some(cause.into());
        error
    }

    /// The error with one more field in its body.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// The error taken apart, without its further fields.
    #[must_use]
    pub fn into_parts(self) -> ErrorParts {
        let Self { status, reason, retry_after_ms, cause, .. } = self;
        let (code, message) = reason.unwrap_or((ErrorCode::Unknown, Cow::Borrowed("")));
        ErrorParts { status, code, message, retry_after_ms, cause }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The Matrix error code; none only while user-interactive authentication goes on.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.reason.as_ref().map(|(code, _)| code)
    }
}

impl From<RetryAfter> for ApiError {
    fn from(retry_after: RetryAfter) -> Self {
        Self::limit_exceeded(retry_after.ms)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(error = &**cause, "request failed");
        }
        let mut body = self.fields;
        if let Some((code, message)) = self.reason {
            body.insert("errcode".to_owned(), code.as_str().into());
            body.insert("error".to_owned(), message.into());
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(retry_after_ms) = self.retry_after_ms {
            let seconds = HeaderValue::from(retry_after_ms.div_ceil(1_000));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::body_of;

    #[tokio::test]
    async fn an_error_is_json() {
        let response = ApiError::unknown_token(true).into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            body_of(response).await,
            json!({
                "errcode": "M_UNKNOWN_TOKEN",
                "error": "access token expired",
                "soft_logout": true,
            })
        );
    }

    #[tokio::test]
    async fn a_limit_says_when_to_come_back() {
        let response = ApiError::from(RetryAfter { ms: 1_200 }).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let body = body_of(response).await;
        assert_eq!(body["retry_after_ms"], 1_200);
        assert_eq!(body["errcode"], "M_LIMIT_EXCEEDED");
    }

    #[tokio::test]
    async fn a_failure_of_the_server_tells_no_details() {
        let response = ApiError::internal("disk /dev/sda1 is full").into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "errcode": "M_UNKNOWN", "error": "internal server error" });
        assert_eq!(body_of(response).await, body);
    }
}
