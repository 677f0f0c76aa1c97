//! `/directory/room/{roomAlias}` and `GET /rooms/{roomId}/aliases`.

use axum::extract::State;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use http::StatusCode;
use ruma::api::{
    client::{
        alias::{create_alias, delete_alias, get_alias},
        room::aliases,
    },
    error::ErrorCode,
};

use super::access::{known_room, not_in_room, room_of_alias};
use crate::error::Error;

pub(crate) async fn create_alias(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<create_alias::v3::Request>,
) -> Result<RumaResponse<create_alias::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    if !rooms.is_joined(snapshot.as_ref(), room.nid(), &caller.user).await? {
        return Err(not_in_room().into());
    }
    match rooms.create_alias(&room, &request.room_alias, &caller.user).await {
        Ok(()) => Ok(RumaResponse(create_alias::v3::Response::new())),
        Err(RoomsError::InUse(_)) => {
            let reason = format!("{} exists already", request.room_alias);
            Err(ApiError::new(StatusCode::CONFLICT, ErrorCode::Unknown, reason).into())
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn get_alias(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<get_alias::v3::Request>,
) -> Result<RumaResponse<get_alias::v3::Response>, Error> {
    let room = room_of_alias(&rooms, &request.room_alias).await?;
    let servers = vec![rooms.server_name().to_owned()];
    Ok(RumaResponse(get_alias::v3::Response::new(room.id().to_owned(), servers)))
}

pub(crate) async fn delete_alias(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<delete_alias::v3::Request>,
) -> Result<RumaResponse<delete_alias::v3::Response>, Error> {
    rooms.delete_alias(&request.room_alias, &caller.user).await?;
    Ok(RumaResponse(delete_alias::v3::Response::new()))
}

pub(crate) async fn list_aliases(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<aliases::v3::Request>,
) -> Result<RumaResponse<aliases::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    rooms.readable_state(snapshot.as_ref(), &room, &caller.user).await?;
    let aliases = rooms.aliases_of(snapshot.as_ref(), room.nid()).await?;
    Ok(RumaResponse(aliases::v3::Response::new(aliases)))
}
