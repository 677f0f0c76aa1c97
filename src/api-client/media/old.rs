//! The endpoints of before Matrix 1.11, which ask nobody who they are.

#![allow(deprecated, reason = "clients and servers of before Matrix 1.11 know nothing else")]

use axum::{extract::State, response::Response};
use hearth_http::{Ruma, RumaResponse};
use hearth_media::{Media, Previews};
use http::{HeaderMap, Method};
use ruma::{
    ServerName,
    api::client::media::{
        get_content, get_content_as_filename, get_content_thumbnail, get_media_config,
        get_media_preview,
    },
};

use super::{
    config::upload_size,
    preview::preview_of,
    serve::{no_such_media, serve},
    thumbnail::wanted,
};
use crate::error::Error;

/// Deprecated like the others, although it asks for a token.
pub(crate) async fn old_media_config(
    State(media): State<Media>,
    Ruma { .. }: Ruma<get_media_config::v3::Request>,
) -> RumaResponse<get_media_config::v3::Response> {
    RumaResponse(get_media_config::v3::Response::new(upload_size(&media)))
}

/// It asks for a token, too.
pub(crate) async fn old_preview(
    State(previews): State<Option<Previews>>,
    Ruma { request, .. }: Ruma<get_media_preview::v3::Request>,
) -> Result<Response, Error> {
    preview_of(previews, &request.url, request.ts).await
}

pub(crate) async fn old_download(
    State(media): State<Media>,
    method: Method,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<get_content::v3::Request>,
) -> Result<Response, Error> {
    let file = media.get(&request.server_name, &request.media_id, request.timeout_ms).await?;
    check_thawed(&media, &request.server_name, &request.media_id).await?;
    Ok(serve(&method, &headers, &file.ok_or_else(no_such_media)?))
}

pub(crate) async fn old_download_as(
    State(media): State<Media>,
    method: Method,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<get_content_as_filename::v3::Request>,
) -> Result<Response, Error> {
    let file = media.get(&request.server_name, &request.media_id, request.timeout_ms).await?;
    check_thawed(&media, &request.server_name, &request.media_id).await?;
    let file = file.ok_or_else(no_such_media)?.named(request.filename);
    Ok(serve(&method, &headers, &file))
}

pub(crate) async fn old_thumbnail(
    State(media): State<Media>,
    method: Method,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<get_content_thumbnail::v3::Request>,
) -> Result<Response, Error> {
    let wanted = wanted(request.width, request.height, request.method)?;
    let (server_name, media_id) = (&request.server_name, &request.media_id);
    let file = media.thumbnail(server_name, media_id, &wanted, request.timeout_ms).await?;
    check_thawed(&media, server_name, media_id).await?;
    Ok(serve(&method, &headers, &file.ok_or_else(no_such_media)?))
}

/// Refuses what was uploaded after the freeze: who wants it has to log in.
async fn check_thawed(
    media: &Media,
    server_name: &ServerName,
    media_id: &str,
) -> Result<(), Error> {
    if media.is_frozen(server_name, media_id).await? {
        return Err(no_such_media().into());
    }
    Ok(())
}
