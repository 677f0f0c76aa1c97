//! `GET /attachments/{id}` and `GET /attachments/{id}/thumbnail`.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_media::{MediaError, MediaFile, ThumbnailRequest};
use http::{HeaderMap, Method, StatusCode};
use ruma::{OwnedEventId, media};
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::readable;
use crate::{
    Caller, ChatApi, Faults, Path, Problem, Query, Validate, problem::ProblemDocument, views::ids,
};

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
    params(
        ("id" = String, Path, description = "The attachment"),
        Seen,
        ("Range" = Option<String>, Header,
         description = "A part of it: `bytes=0-99`, `bytes=100-` or `bytes=-50`"),
        ("If-Range" = Option<String>, Header,
         description = "The part only of the file with this entity tag, otherwise all"),
        ("If-None-Match" = Option<String>, Header,
         description = "Entity tags of files that the client has"),
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "*/*"),
        (status = 206, description = "The part of it", body = Vec<u8>, content_type = "*/*"),
        (status = 304, description = "The client has it"),
        (status = 416, description = "The part begins behind the end", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn get_attachment(
    State(api): State<ChatApi>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(seen): Query<Seen>,
) -> Result<Response, Problem> {
    readable(&api, caller.user_id(), &id, seen.message.as_deref()).await?;
    let file = api.media.get(&api.settings.server_name, &id, Duration::ZERO).await?;
    let file = file.ok_or_else(|| Problem::not_found("there is no such attachment"))?;
    Ok(serve(&method, &headers, &file))
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
    method: Method,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(wish): Query<ThumbnailWish>,
) -> Result<Response, Problem> {
    readable(&api, caller.user_id(), &id, wish.message.as_deref()).await?;
    let wanted =
        ThumbnailRequest { width: wish.width, height: wish.height, method: media::Method::Scale };
    let server_name = &api.settings.server_name;
    let made = api.media.thumbnail(server_name, &id, &wanted, Duration::ZERO).await;
    let none = || Problem::not_found("there is no picture of this attachment");
    match made {
        Ok(Some(file)) => Ok(serve(&method, &headers, &file)),
        Ok(None) | Err(MediaError::NotThumbnailable | MediaError::TooLargeToThumbnail) => {
            Err(none())
        }
        Err(error) => Err(error.into()),
    }
}

/// What a request gets of a file: all of it, a part, or that the client has it already.
fn serve(method: &Method, headers: &HeaderMap, file: &MediaFile) -> Response {
    let answer = file.answer(method, headers);
    if answer.status() != StatusCode::RANGE_NOT_SATISFIABLE {
        return answer.map(Body::from_stream);
    }
    let detail = "the range begins behind the end of the file";
    let refusal = Problem::new(answer.status(), "range-not-satisfiable", detail);
    (answer.into_parts().0.headers, refusal).into_response()
}
