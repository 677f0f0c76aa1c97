//! `GET /media/download/{serverName}/{mediaId}`, on request under another file name.

use axum::{extract::State, response::Response};
use hearth_http::Ruma;
use hearth_media::Media;
use http::{HeaderMap, Method};
use ruma::api::client::authenticated_media::{get_content, get_content_as_filename};

use super::serve::{no_such_media, serve};
use crate::error::Error;

pub(crate) async fn download(
    State(media): State<Media>,
    method: Method,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<get_content::v1::Request>,
) -> Result<Response, Error> {
    let file = media.get(&request.server_name, &request.media_id, request.timeout_ms).await?;
    Ok(serve(&method, &headers, &file.ok_or_else(no_such_media)?))
}

pub(crate) async fn download_as(
    State(media): State<Media>,
    method: Method,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<get_content_as_filename::v1::Request>,
) -> Result<Response, Error> {
    let file = media.get(&request.server_name, &request.media_id, request.timeout_ms).await?;
    let file = file.ok_or_else(no_such_media)?.named(request.filename);
    Ok(serve(&method, &headers, &file))
}
