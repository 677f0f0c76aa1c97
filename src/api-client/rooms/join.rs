//! `POST /join/{roomIdOrAlias}` and `POST /rooms/{roomId}/join`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Caller, Ruma, RumaResponse};
use hearth_rooms::{Room, Rooms};
use ruma::{
    OwnedRoomId,
    api::client::membership::{join_room_by_id, join_room_by_id_or_alias},
};
use serde_json::Map;

use super::access::{named_room, profile_of};
use crate::error::Error;

pub(crate) async fn join(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<join_room_by_id_or_alias::v3::Request>,
) -> Result<RumaResponse<join_room_by_id_or_alias::v3::Response>, Error> {
    let room = named_room(&rooms, &request.room_id_or_alias).await?;
    let room_id = enter(&rooms, &accounts, &caller, &room, request.reason).await?;
    Ok(RumaResponse(join_room_by_id_or_alias::v3::Response::new(
        room_id,
    )))
}

pub(crate) async fn join_by_id(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<join_room_by_id::v3::Request>,
) -> Result<RumaResponse<join_room_by_id::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    let room_id = enter(&rooms, &accounts, &caller, &room, request.reason).await?;
    Ok(RumaResponse(join_room_by_id::v3::Response::new(room_id)))
}

async fn enter(
    rooms: &Rooms,
    accounts: &Accounts,
    caller: &Caller,
    room: &Room,
    reason: Option<String>,
) -> Result<OwnedRoomId, Error> {
    if caller.is_guest {
        check_guest_access(rooms, room).await?;
    }
    let profile = profile_of(accounts, &caller.user).await?;
    let reason = reason.map(|reason| ("reason".to_owned(), reason.into()));
    rooms
        .join(room, &caller.user, &profile, Map::from_iter(reason))
        .await?;
    Ok(room.id().to_owned())
}

/// Refuses guests where the room does not let them in (specification, "Guest access").
async fn check_guest_access(rooms: &Rooms, room: &Room) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    let head = rooms.head(snapshot.as_ref(), room.nid()).await?;
    let room = rooms.public_room(snapshot.as_ref(), room, &head).await?;
    if room.look.guest_can_join {
        Ok(())
    } else {
        Err(Error::guest_access_forbidden())
    }
}
