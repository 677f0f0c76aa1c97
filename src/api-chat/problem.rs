//! The one shape of failures: problem documents (RFC 9457).
//!
//! What is wrong with an input is told field by field. What only an administrator can do something
//! about is logged when it is answered; the client learns nothing but that it happened.

use std::{borrow::Cow, error::Error};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use hearth_http::{ApiError, ErrorParts};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What the type of every problem begins with.
const TYPE_PREFIX: &str = "urn:hearth:problem:";

/// A refused or failed request, as its client sees it.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: Cow<'static, str>,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_ms: Option<u64>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field: of the body, the query or the path; empty if it is the body as a whole.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// What kind of problem it is: `urn:hearth:problem:` and a name.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time.
    detail: &'a str,
    /// What is wrong with which field, if that is the problem.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem of this status and kind: words in lower case with hyphens between them.
    #[must_use]
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            kind: kind.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_ms: None,
            cause: None,
        }
    }

    /// 400: fields that are not as they have to be.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [FieldError { field, detail }] if field.is_empty() => detail.clone(),
            [FieldError { field, detail }] => format!("{field}: {detail}"),
            _ => "several fields are not valid".to_owned(),
        };
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail) }
    }

    /// 400: one field that is not as it has to be.
    #[must_use]
    pub fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
    }

    /// 401: who asks is not known.
    #[must_use]
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403: who asks may not.
    #[must_use]
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: there is no such thing, or whoever asks must not know of it.
    #[must_use]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 409: it does not go together with what is there.
    #[must_use]
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 429, with the time to wait.
    #[must_use]
    pub fn too_many_requests(retry_after_ms: u64) -> Self {
        let detail = "too many requests";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "limit-exceeded", detail);
        Self { retry_after_ms: Some(retry_after_ms), ..problem }
    }

    /// 500; the cause goes to the log only.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "the server failed";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
        Self { cause: Some(cause.into()), ..problem }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The kind, without what every type begins with.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The document itself, for those who are not answered with a response. What only an
    /// administrator can do something about is logged.
    #[must_use]
    pub(crate) fn into_document(self) -> Value {
        if let Some(cause) = &self.cause {
            tracing::error!(error = &**cause, "a command failed");
        }
        serde_json::to_value(self.document()).unwrap_or_default()
    }

    fn document(&self) -> ProblemDocument<'_> {
        ProblemDocument {
            kind: format!("{TYPE_PREFIX}{}", self.kind),
            title: title(&self.kind),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        }
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// Refusals that the Matrix API shares keep their meaning and lose their code: `M_USER_IN_USE`
/// becomes `user-in-use`.
impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let ErrorParts { status, code, message, retry_after_ms, cause } = error.into_parts();
        let kind = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "internal".to_owned(),
            _ => code.as_str().trim_start_matches("M_").to_ascii_lowercase().replace('_', "-"),
        };
        let kind = kind.into();
        Self { status, kind, detail: message, errors: Vec::new(), retry_after_ms, cause }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(error = &**cause, "request failed");
        }
        let mut response = (self.status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(retry_after_ms) = self.retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1_000)));
        }
        response
    }
}

/// A kind in words: `user-in-use` is "User in use".
fn title(kind: &str) -> String {
    let words = kind.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use ruma::api::error::ErrorCode;
    use serde_json::json;

    use super::*;

    async fn body_of(problem: Problem) -> Value {
        let bytes = problem.into_response().into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_problem_names_the_field() {
        let problem = Problem::invalid_field("name", "it is empty");
        let expected = json!({
            "type": "urn:hearth:problem:invalid-request",
            "title": "Invalid request",
            "status": 400,
            "detail": "name: it is empty",
            "errors": [{ "field": "name", "detail": "it is empty" }],
        });
        assert_eq!(body_of(problem).await, expected);
    }

    #[tokio::test]
    async fn refusals_of_the_matrix_api_keep_their_meaning() {
        let error = ApiError::bad_request(ErrorCode::UserInUse, "taken");
        let body = body_of(error.into()).await;
        assert_eq!(body["type"], "urn:hearth:problem:user-in-use");
        assert_eq!(body["title"], "User in use");
        let limited = Problem::from(ApiError::limit_exceeded(1_200)).into_response();
        assert_eq!(limited.headers()[RETRY_AFTER], "2");
        assert_eq!(limited.headers()[CONTENT_TYPE], "application/problem+json");
        let body = body_of(ApiError::internal("disk full").into()).await;
        assert_eq!(body["detail"], "internal server error");
    }
}
