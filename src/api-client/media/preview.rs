//! `GET /media/preview_url`: what a page says of itself.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_http::{ApiError, Ruma};
use hearth_media::{PreviewError, Previews};
use http::header::CONTENT_TYPE;
use ruma::{
    MilliSecondsSinceUnixEpoch, api::client::authenticated_media::get_media_preview::v1::Request,
};

use crate::error::Error;

pub(crate) async fn preview(
    State(previews): State<Option<Previews>>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Response, Error> {
    preview_of(previews, &request.url, request.ts).await
}

/// The preview of a URL as a response.
pub(super) async fn preview_of(
    previews: Option<Previews>,
    url: &str,
    ts: Option<MilliSecondsSinceUnixEpoch>,
) -> Result<Response, Error> {
    let previews = previews.ok_or_else(|| ApiError::forbidden("this server makes no previews"))?;
    let preview: Arc<str> = previews.get(url, ts.map(|ts| ts.get().into())).await.map_err(told)?;
    Ok(([(CONTENT_TYPE, "application/json")], preview.to_string()).into_response())
}

/// What a missing preview is called. That a page does not answer is nobody's mistake here.
fn told(error: PreviewError) -> Error {
    let message = error.to_string();
    match error {
        PreviewError::BadUrl(_) => ApiError::invalid_param(message).into(),
        PreviewError::Forbidden => ApiError::forbidden(message).into(),
        PreviewError::NoPage(_) => ApiError::not_found(message).into(),
        PreviewError::Media(error) => ApiError::internal(error).into(),
    }
}
