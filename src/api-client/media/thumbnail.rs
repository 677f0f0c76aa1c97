//! `GET /media/thumbnail/{serverName}/{mediaId}`.

use axum::{extract::State, response::Response};
use hearth_http::{ApiError, Ruma};
use hearth_media::{Media, ThumbnailRequest};
use http::{HeaderMap, Method};
use ruma::{UInt, api::client::authenticated_media::get_content_thumbnail::v1::Request, media};

use super::serve::{no_such_media, serve};
use crate::error::Error;

pub(crate) async fn thumbnail(
    State(media): State<Media>,
    method: Method,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Response, Error> {
    let wanted = wanted(request.width, request.height, request.method)?;
    let (server_name, media_id) = (&request.server_name, &request.media_id);
    let file = media.thumbnail(server_name, media_id, &wanted, request.timeout_ms).await?;
    Ok(serve(&method, &headers, &file.ok_or_else(no_such_media)?))
}

/// What a client asks for: both sides at least a pixel, scaled unless it says otherwise.
pub(super) fn wanted(
    width: UInt,
    height: UInt,
    method: Option<media::Method>,
) -> Result<ThumbnailRequest, Error> {
    let method = method.unwrap_or(media::Method::Scale);
    if !matches!(method, media::Method::Crop | media::Method::Scale) {
        return Err(ApiError::invalid_param(format!("there is no method {method}")).into());
    }
    let pixels = |length: UInt| u32::try_from(u64::from(length)).unwrap_or(u32::MAX);
    let (width, height) = (pixels(width), pixels(height));
    if width == 0 || height == 0 {
        return Err(ApiError::invalid_param("a thumbnail has width and height").into());
    }
    Ok(ThumbnailRequest { width, height, method })
}
