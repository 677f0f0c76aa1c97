//! `POST /media/v1/create`: an id for content that comes later.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_media::Media;
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::client::media::create_mxc_uri::v1::{Request, Response},
};

use crate::error::Error;

pub(crate) async fn reserve(
    State(media): State<Media>,
    Ruma { caller, .. }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let reserved = media.create(&caller.user).await?;
    let expires_at = UInt::new_saturating(reserved.expires_at_ms);
    let mut response = Response::new(reserved.uri);
    response.unused_expires_at = Some(MilliSecondsSinceUnixEpoch(expires_at));
    Ok(RumaResponse(response))
}
