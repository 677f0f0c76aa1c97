//! `GET /media/download/{serverName}/{mediaId}`, on request under another file name.

use axum::{extract::State, response::Response};
use hearth_http::Ruma;
use hearth_media::{Media, MediaFile};
use ruma::api::client::authenticated_media::{get_content, get_content_as_filename};

use super::serve::{no_such_media, serve};
use crate::error::Error;

pub(crate) async fn download(
    State(media): State<Media>,
    Ruma { request, .. }: Ruma<get_content::v1::Request>,
) -> Result<Response, Error> {
    let file = media.get(&request.server_name, &request.media_id, request.timeout_ms).await?;
    Ok(serve(file.ok_or_else(no_such_media)?))
}

pub(crate) async fn download_as(
    State(media): State<Media>,
    Ruma { request, .. }: Ruma<get_content_as_filename::v1::Request>,
) -> Result<Response, Error> {
    let file = media.get(&request.server_name, &request.media_id, request.timeout_ms).await?;
    Ok(serve(named(file.ok_or_else(no_such_media)?, request.filename)))
}

/// The file under another name.
pub(super) fn named(file: MediaFile, filename: String) -> MediaFile {
    MediaFile { filename: Some(filename), ..file }
}
