//! `POST /media/v3/upload` and `PUT /media/v3/upload/{serverName}/{mediaId}`.

use axum::{Json, extract::State};
use hearth_http::{RumaResponse, Streamed};
use hearth_media::{Media, Upload};
use ruma::api::client::media::{create_content, create_content_async};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::taken::{body_of, to_the_end};
use crate::error::Error;

pub(crate) async fn upload(
    State(media): State<Media>,
    State(tasks): State<TaskTracker>,
    Streamed { request, caller, body }: Streamed<create_content::v3::Request>,
) -> Result<RumaResponse<create_content::v3::Response>, Error> {
    let body = body_of(&media, body)?;
    let (content_type, filename) = (request.content_type, request.filename);
    let upload = Upload { content_type, filename, body };
    let work = async move { media.upload(&caller.user, upload).await };
    let content_uri = to_the_end(&tasks, work).await?;
    Ok(RumaResponse(create_content::v3::Response::new(content_uri)))
}

pub(crate) async fn upload_reserved(
    State(media): State<Media>,
    State(tasks): State<TaskTracker>,
    Streamed { request, caller, body }: Streamed<create_content_async::v3::Request>,
) -> Result<Json<Value>, Error> {
    let body = body_of(&media, body)?;
    let (content_type, filename) = (request.content_type, request.filename);
    let upload = Upload { content_type, filename, body };
    let (server_name, media_id) = (request.server_name, request.media_id);
    let work = async move { media.upload_to(&caller.user, &server_name, &media_id, upload).await };
    to_the_end(&tasks, work).await?;
    // ruma's response cannot be made outside of ruma.
    Ok(Json(json!({})))
}
