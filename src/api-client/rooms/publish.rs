//! `/directory/list/room/{roomId}`: whether a room is listed in the public directory.
//!
//! Members who may change the room's aliases may publish it.

use axum::extract::State;
use hearth_base::limits::IDENTIFIER_BYTES_MAX;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Room, Rooms, RoomsError};
use ruma::{
    UserId,
    api::client::{
        appservice::set_room_visibility as network,
        directory::{get_room_visibility, set_room_visibility},
        room::Visibility,
    },
    events::TimelineEventType,
};

use super::access::not_in_room;
use crate::{application_services::instance_id, error::Error};

pub(crate) async fn get_room_visibility(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<get_room_visibility::v3::Request>,
) -> Result<RumaResponse<get_room_visibility::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let visibility = if rooms.is_published(snapshot.as_ref(), room.nid()).await? {
        Visibility::Public
    } else {
        Visibility::Private
    };
    Ok(RumaResponse(get_room_visibility::v3::Response::new(visibility)))
}

pub(crate) async fn set_room_visibility(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<set_room_visibility::v3::Request>,
) -> Result<RumaResponse<set_room_visibility::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    check_power(&rooms, &room, &caller.user).await?;
    rooms.set_published(&room, is_public(&request.visibility)?).await?;
    Ok(RumaResponse(set_room_visibility::v3::Response::new()))
}

/// `PUT /directory/list/appservice/{networkId}/{roomId}`: an application service lists a room in
/// the directory of its network.
pub(crate) async fn set_network_visibility(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<network::v3::Request>,
) -> Result<RumaResponse<network::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    let instance = instance_id(caller.id(), &request.network_id);
    if instance.len() > IDENTIFIER_BYTES_MAX {
        return Err(RoomsError::InvalidParam("the network id is too long".to_owned()).into());
    }
    rooms.set_published_on(&instance, &room, is_public(&request.visibility)?).await?;
    Ok(RumaResponse(network::v3::Response::new()))
}

fn is_public(visibility: &Visibility) -> Result<bool, RoomsError> {
    match visibility {
        Visibility::Public => Ok(true),
        Visibility::Private => Ok(false),
        other => Err(RoomsError::InvalidParam(format!("there is no visibility {other}"))),
    }
}

async fn check_power(rooms: &Rooms, room: &Room, user_id: &UserId) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if !rooms.is_joined(snapshot, room.nid(), user_id).await? {
        return Err(not_in_room().into());
    }
    let head = rooms.head(snapshot, room.nid()).await?;
    let levels = rooms.power_levels(snapshot, room, &head).await?;
    if levels.may_send(user_id, &TimelineEventType::RoomCanonicalAlias, true) {
        return Ok(());
    }
    let reason = "your power level is too low to publish this room";
    Err(RoomsError::Forbidden(reason.to_owned()).into())
}
