//! `POST /rooms/{room_id}/join` and `POST /rooms/{room_id}/leave`.

use axum::extract::State;
use hearth_rooms::{Event, RoomsError};
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, UserId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::Map;

use super::list::room_for;
use crate::{
    Caller, ChatApi, Json, Path, Problem,
    invitees::profile_of,
    place::Place,
    views::{Role, Room},
};

/// Joins a public room, or one that the user is invited to.
#[utoipa::path(
    post, path = "/rooms/{room_id}/join", tag = "rooms",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The room", body = Room)),
)]
pub(crate) async fn join_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Room>, Problem> {
    let user_id = caller.user_id();
    let place = Place::find(&api, &room_id).await?;
    api.chat.check_not_archived(place.snapshot.as_ref(), &place.room).await?;
    let inviter = direct_inviter(&api, &place, user_id).await?;
    let profile = profile_of(&api, user_id).await?;
    api.rooms.join(&place.room, user_id, &profile, Map::new()).await?;
    if let Some(inviter) = inviter {
        api.accounts.add_direct_room(user_id, &inviter, &room_id).await?;
    }
    Ok(Json(room_for(&api, user_id, &room_id).await?))
}

/// Who invited the user to a direct room, if somebody did.
async fn direct_inviter(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
) -> Result<Option<OwnedUserId>, Problem> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        is_direct: bool,
    }
    let snapshot = place.snapshot.as_ref();
    let row = api.rooms.membership(snapshot, place.room.nid(), user_id).await?;
    let Some(row) = row.filter(|row| row.value.state == MembershipState::Invite) else {
        return Ok(None);
    };
    let invite: Event = api.rooms.event(snapshot, row.value.event).await?;
    let is_direct = invite.pdu().content_as().is_some_and(|content: Content| content.is_direct);
    Ok(is_direct.then(|| invite.pdu().sender().to_owned()))
}

/// Leaves a room, or refuses an invite. Its only owner hands a room over first, or deletes it.
#[utoipa::path(
    post, path = "/rooms/{room_id}/leave", tag = "rooms",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Left")),
)]
pub(crate) async fn leave_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<StatusCode, Problem> {
    let user_id = caller.user_id();
    let place = Place::find(&api, &room_id).await?;
    check_not_only_owner(&api, &place, user_id).await?;
    api.rooms.leave(&place.room, user_id, None).await.map_err(|error| match error {
        RoomsError::Forbidden(_) => Problem::forbidden("you are not a member of this room"),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check_not_only_owner(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
) -> Result<(), Problem> {
    let is_alone = place.head.joined_members <= 1;
    if is_alone || Role::of(&place.levels(api).await?, user_id) != Role::Owner {
        return Ok(());
    }
    let levels = place.levels(api).await?;
    let snapshot = place.snapshot.as_ref();
    if !api.rooms.is_joined(snapshot, place.room.nid(), user_id).await? {
        return Ok(());
    }
    let named = levels.as_ruma().users.keys().filter(|user| **user != user_id);
    for other in named.filter(|user| Role::of(&levels, user) == Role::Owner) {
        if api.rooms.is_joined(snapshot, place.room.nid(), other).await? {
            return Ok(());
        }
    }
    let detail = "you are the only owner: transfer the ownership or delete the room";
    Err(Problem::new(StatusCode::CONFLICT, "only-owner", detail))
}
