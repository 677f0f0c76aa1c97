//! `POST /rooms/{roomId}/kick`, `…/ban` and `…/unban`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::api::client::membership::{ban_user, kick_user, unban_user};

use super::access::known_room;
use crate::error::Error;

pub(crate) async fn kick(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<kick_user::v3::Request>,
) -> Result<RumaResponse<kick_user::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    rooms.kick(&room, &caller.user, &request.user_id, request.reason.as_deref()).await?;
    Ok(RumaResponse(kick_user::v3::Response::new()))
}

pub(crate) async fn ban(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<ban_user::v3::Request>,
) -> Result<RumaResponse<ban_user::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    rooms.ban(&room, &caller.user, &request.user_id, request.reason.as_deref()).await?;
    Ok(RumaResponse(ban_user::v3::Response::new()))
}

pub(crate) async fn unban(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<unban_user::v3::Request>,
) -> Result<RumaResponse<unban_user::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    rooms.unban(&room, &caller.user, &request.user_id, request.reason.as_deref()).await?;
    Ok(RumaResponse(unban_user::v3::Response::new()))
}
