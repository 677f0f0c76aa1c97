//! `POST /knock/{roomIdOrAlias}`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::api::client::knock::knock_room::v3::{Request, Response};

use super::access::{named_room, profile_of};
use crate::error::Error;

pub(crate) async fn knock(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = named_room(&rooms, &request.room_id_or_alias).await?;
    let profile = profile_of(&accounts, &caller.user).await?;
    rooms.knock(&room, &caller.user, &profile, request.reason.as_deref()).await?;
    Ok(RumaResponse(Response::new(room.id().to_owned())))
}
