//! Finding the room that a request names, and what has to hold before anything else.

use hearth_accounts::{Accounts, InvitePermission};
use hearth_rooms::{Profile, Room, Rooms, RoomsError};
use ruma::{OwnedRoomAliasId, OwnedRoomId, RoomAliasId, RoomId, RoomOrAliasId, UserId};

use crate::error::Error;

/// The room of this id, for whoever should be in it: a room that does not exist looks like one
/// that the user is not in.
pub(crate) async fn known_room(rooms: &Rooms, room_id: &RoomId) -> Result<Room, Error> {
    Ok(rooms.room(room_id).await?.ok_or_else(not_in_room)?)
}

/// The refusal for somebody who is not in a room.
pub(super) fn not_in_room() -> RoomsError {
    RoomsError::Forbidden("you are not in this room".to_owned())
}

/// The room of an alias of this server.
pub(super) async fn room_of_alias(rooms: &Rooms, alias: &RoomAliasId) -> Result<Room, Error> {
    Ok(rooms.resolve_alias(alias).await?.ok_or(RoomsError::NotFound("room alias"))?)
}

/// The room of an id or an alias.
pub(super) async fn named_room(rooms: &Rooms, name: &RoomOrAliasId) -> Result<Room, Error> {
    if let Ok(alias) = OwnedRoomAliasId::try_from(name.as_str()) {
        return room_of_alias(rooms, &alias).await;
    }
    let room_id = OwnedRoomId::try_from(name.as_str())
        .map_err(|error| RoomsError::InvalidParam(error.to_string()))?;
    Ok(rooms.existing_room(&room_id).await?)
}

/// How a user looks in a room that they enter now.
pub(crate) async fn profile_of(accounts: &Accounts, user_id: &UserId) -> Result<Profile, Error> {
    let profile = accounts.member_profile(user_id).await?;
    Ok(Profile {
        display_name: profile.displayname,
        avatar_url: profile.avatar_url.map(|url| url.to_string()),
    })
}

/// Refuses to invite somebody whom this server cannot reach, or who does not want it.
pub(super) async fn check_invitee(
    accounts: &Accounts,
    sender: &UserId,
    user_id: &UserId,
) -> Result<(), Error> {
    if !accounts.is_local(user_id) {
        let reason = format!("{user_id} is on another server, which this one cannot reach");
        return Err(RoomsError::BadRequest(reason).into());
    }
    match accounts.user(user_id).await? {
        Some(user) if !user.is_deactivated => {}
        _ => return Err(RoomsError::NotFound("the invited user").into()),
    }
    // An ignored invite is sent: its sender must not notice. Whoever reads leaves it out.
    match accounts.invite_permission(user_id, sender).await? {
        InvitePermission::Block => Err(Error::invite_blocked(user_id)),
        InvitePermission::Allow | InvitePermission::Ignore => Ok(()),
    }
}
