//! `POST /rooms/{roomId}/leave` and `POST /rooms/{roomId}/forget`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::api::client::membership::{forget_room, leave_room};

use crate::error::Error;

pub(crate) async fn leave(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<leave_room::v3::Request>,
) -> Result<RumaResponse<leave_room::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    rooms.leave(&room, &caller.user, request.reason.as_deref()).await?;
    Ok(RumaResponse(leave_room::v3::Response::new()))
}

pub(crate) async fn forget(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<forget_room::v3::Request>,
) -> Result<RumaResponse<forget_room::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    rooms.forget(&room, &caller.user).await?;
    Ok(RumaResponse(forget_room::v3::Response::new()))
}
