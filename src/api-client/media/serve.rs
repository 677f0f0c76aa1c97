//! A file as a response.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hearth_http::ApiError;
use hearth_media::MediaFile;
use http::header::CONTENT_LENGTH;

/// The file with the headers that make it safe to open in a browser.
pub(super) fn serve(file: MediaFile) -> Response {
    let mut response = http::Response::builder().header(CONTENT_LENGTH, file.size_bytes);
    for (name, value) in file.headers().pairs() {
        response = response.header(name, value);
    }
    response
        .body(Body::from_stream(file.body))
        .unwrap_or_else(|error| ApiError::internal(error).into_response())
}

pub(super) fn no_such_media() -> ApiError {
    ApiError::not_found("there is no such media here")
}
