//! ruma's responses, sent.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use ruma::api::{OutgoingResponse, OutgoingResponseExt};

use crate::ApiError;

/// The response of an endpoint.
#[derive(Debug)]
pub struct RumaResponse<T>(pub T);

impl<T: OutgoingResponse> IntoResponse for RumaResponse<T> {
    fn into_response(self) -> Response {
        match self.0.try_into_http_response::<BytesMut>() {
            Ok(response) => response.map(|body| Body::from(body.freeze())),
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}
