//! `GET /attachments/{id}` and `GET /attachments/{id}/thumbnail`.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_media::{MediaError, MediaFile, ThumbnailRequest};
use http::header::CONTENT_LENGTH;
use ruma::{OwnedEventId, media::Method};
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::readable;
use crate::{Caller, ChatApi, Faults, Path, Problem, Query, Validate, views::ids};

/// Largest width and height of a thumbnail that can be asked for, in pixels.
const THUMBNAIL_PIXELS_MAX: u32 = 800;

/// Where the attachment was seen.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Seen {
    /// The message that shows it. Only needed for what was sent with Matrix, and then it stands in
    /// the attachment's `url`.
    #[param(value_type = Option<ids::MessageId>)]
    message: Option<OwnedEventId>,
}

impl Validate for Seen {
    fn validate(&self, _: &mut Faults) {}
}

/// Download an attachment
///
/// For its uploader, and for whoever may see a message that shows it.
#[utoipa::path(
    get,
    path = "/attachments/{id}",
    tag = "attachments",
    params(("id" = String, Path, description = "The attachment"), Seen),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "*/*")),
)]
pub(crate) async fn get_attachment(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(id): Path<String>,
    Query(seen): Query<Seen>,
) -> Result<Response, Problem> {
    readable(&api, caller.user_id(), &id, seen.message.as_deref()).await?;
    let file = api.media.get(&api.settings.server_name, &id, Duration::ZERO).await?;
    file.map(serve).ok_or_else(|| Problem::not_found("there is no such attachment"))
}

/// How large a thumbnail has to be.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ThumbnailWish {
    /// Width in pixels; the answer may be larger.
    #[serde(default = "usual_width")]
    #[param(default = 320, minimum = 1, maximum = 800)]
    width: u32,
    /// Height in pixels; the answer may be larger.
    #[serde(default = "usual_height")]
    #[param(default = 240, minimum = 1, maximum = 800)]
    height: u32,
    /// As for the attachment itself.
    #[param(value_type = Option<ids::MessageId>)]
    message: Option<OwnedEventId>,
}

const fn usual_width() -> u32 {
    320
}

const fn usual_height() -> u32 {
    240
}

impl Validate for ThumbnailWish {
    fn validate(&self, faults: &mut Faults) {
        for (field, pixels) in [("width", self.width), ("height", self.height)] {
            let holds = (1..=THUMBNAIL_PIXELS_MAX).contains(&pixels);
            faults.check(field, holds, "it must be 1 to 800");
        }
    }
}

/// Get a small picture of an attachment
///
/// Of pictures only. It is made once, and then kept.
#[utoipa::path(
    get,
    path = "/attachments/{id}/thumbnail",
    tag = "attachments",
    params(("id" = String, Path, description = "The attachment"), ThumbnailWish),
    responses((status = 200, description = "The picture", body = Vec<u8>,
               content_type = "image/*")),
)]
pub(crate) async fn get_thumbnail(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(id): Path<String>,
    Query(wish): Query<ThumbnailWish>,
) -> Result<Response, Problem> {
    readable(&api, caller.user_id(), &id, wish.message.as_deref()).await?;
    let wanted = ThumbnailRequest { width: wish.width, height: wish.height, method: Method::Scale };
    let server_name = &api.settings.server_name;
    let made = api.media.thumbnail(server_name, &id, &wanted, Duration::ZERO).await;
    let none = || Problem::not_found("there is no picture of this attachment");
    match made {
        Ok(Some(file)) => Ok(serve(file)),
        Ok(None) | Err(MediaError::NotThumbnailable | MediaError::TooLargeToThumbnail) => {
            Err(none())
        }
        Err(error) => Err(error.into()),
    }
}

/// The file with the headers that make it safe to open in a browser.
fn serve(file: MediaFile) -> Response {
    let mut response = http::Response::builder().header(CONTENT_LENGTH, file.size_bytes);
    for (name, value) in file.headers().pairs() {
        response = response.header(name, value);
    }
    let response = response.body(Body::from_stream(file.body));
    response.unwrap_or_else(|error| Problem::internal(error).into_response())
}
