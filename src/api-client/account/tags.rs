//! `/user/{userId}/rooms/{roomId}/tags`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::tag::{create_tag, delete_tag, get_tags};

use super::own::check_own;
use crate::error::Error;

pub(crate) async fn get_tags(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_tags::v3::Request>,
) -> Result<RumaResponse<get_tags::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let tags = accounts.tags(&caller.user, &request.room_id).await?;
    Ok(RumaResponse(get_tags::v3::Response::new(tags)))
}

pub(crate) async fn create_tag(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<create_tag::v3::Request>,
) -> Result<RumaResponse<create_tag::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let (room, tag) = (&request.room_id, &request.tag);
    accounts.set_tag(&caller.user, room, tag, &request.tag_info).await?;
    Ok(RumaResponse(create_tag::v3::Response::new()))
}

pub(crate) async fn delete_tag(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_tag::v3::Request>,
) -> Result<RumaResponse<delete_tag::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    accounts.delete_tag(&caller.user, &request.room_id, &request.tag).await?;
    Ok(RumaResponse(delete_tag::v3::Response::new()))
}
