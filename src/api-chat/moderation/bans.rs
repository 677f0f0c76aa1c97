//! Bans.

use axum::extract::State;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, events::room::member::MembershipState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mutes::check_reason;
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    views::{Person, ids},
};

/// Who is to be banned.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewBan {
    /// Who, whether they are in the room or not.
    #[schema(value_type = ids::UserId)]
    user_id: OwnedUserId,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Validate for NewBan {
    fn validate(&self, faults: &mut Faults) {
        check_reason(faults, self.reason.as_deref());
    }
}

/// Who is banned from a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct Bans {
    /// The users.
    users: Vec<Person>,
}

/// Bans somebody who has less power in the room.
#[utoipa::path(
    post, path = "/rooms/{room_id}/bans", tag = "moderation", request_body = NewBan,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Banned")),
)]
pub(crate) async fn ban(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(NewBan { user_id, reason }): Json<NewBan>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.ban(&room, caller.user_id(), &user_id, reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists who is banned from a room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/bans", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The banned users", body = Bans)),
)]
pub(crate) async fn list_bans(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Bans>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let snapshot = api.rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if !api.rooms.is_joined(snapshot, room.nid(), caller.user_id()).await? {
        return Err(Problem::not_found("room not found"));
    }
    let mut users = Vec::new();
    for (user_id, member) in api.rooms.members(snapshot, room.nid()).await? {
        if member.state == MembershipState::Ban {
            users.push(Person::load(&api, &user_id).await?);
        }
    }
    Ok(Json(Bans { users }))
}

/// Lifts a ban.
#[utoipa::path(
    delete, path = "/rooms/{room_id}/bans/{user_id}", tag = "moderation",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("user_id" = String, Path, description = "Who is banned"),
    ),
    responses((status = 204, description = "Lifted")),
)]
pub(crate) async fn unban(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, user_id)): Path<(OwnedRoomId, OwnedUserId)>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.unban(&room, caller.user_id(), &user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
