//! `GET /media/config`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_media::Media;
use ruma::{
    UInt,
    api::client::authenticated_media::get_media_config::v1::{Request, Response},
};

pub(crate) async fn media_config(
    State(media): State<Media>,
    Ruma { .. }: Ruma<Request>,
) -> RumaResponse<Response> {
    RumaResponse(Response::new(upload_size(&media)))
}

/// Largest upload in bytes.
pub(super) fn upload_size(media: &Media) -> UInt {
    UInt::new_saturating(media.settings().max_upload_bytes)
}
