//! `DELETE /rooms/{room_id}/members/{user_id}`.

use axum::extract::State;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, events::room::member::MembershipState};

use crate::{Caller, ChatApi, Path, Problem, place::Place, views::Role};

/// Removes a member, or takes an invite back; for admins of the room.
#[utoipa::path(
    delete, path = "/rooms/{room_id}/members/{user_id}", tag = "rooms",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("user_id" = String, Path, description = "The user"),
    ),
    responses((status = 204, description = "Removed")),
)]
pub(crate) async fn remove_member(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, user_id)): Path<(OwnedRoomId, OwnedUserId)>,
) -> Result<StatusCode, Problem> {
    let sender = caller.user_id();
    let place = Place::joined(&api, &room_id, sender).await?;
    place.check_role(&api, sender, Role::Admin).await?;
    if sender == user_id {
        return Err(Problem::conflict("this is you: leave the room instead"));
    }
    let row = api.rooms.membership(place.snapshot.as_ref(), place.room.nid(), &user_id).await?;
    let state = row.map(|row| row.value.state);
    if !matches!(state, Some(MembershipState::Join | MembershipState::Invite)) {
        return Err(Problem::not_found("this user is not a member"));
    }
    api.rooms.kick(&place.room, sender, &user_id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
