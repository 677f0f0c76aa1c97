//! A file as a response.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hearth_http::ApiError;
use hearth_media::MediaFile;
use http::{HeaderMap, Method, StatusCode};
use ruma::api::error::ErrorCode;

/// What a request gets of a file: all of it, a part, or that the client has it already.
pub(super) fn serve(method: &Method, headers: &HeaderMap, file: &MediaFile) -> Response {
    let answer = file.answer(method, headers);
    if answer.status() != StatusCode::RANGE_NOT_SATISFIABLE {
        return answer.map(Body::from_stream);
    }
    let message = "the range begins behind the end of the file";
    let refusal = ApiError::new(answer.status(), ErrorCode::Unknown, message);
    (answer.into_parts().0.headers, refusal).into_response()
}

pub(super) fn no_such_media() -> ApiError {
    ApiError::not_found("there is no such media here")
}
