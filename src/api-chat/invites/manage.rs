//! Making, listing and revoking invites by code: for administrators of a room.

use std::time::Duration;

use axum::extract::State;
use hearth_chat::NewInviteCode;
use http::StatusCode;
use ruma::OwnedRoomId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::Invite;
use crate::{Caller, ChatApi, Faults, Json, Path, Problem, Validate};

/// What an invite is to be.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewInvite {
    /// For how long it is good, in seconds: a minute at least, seven days if it is left out.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 31_536_000)]
    expires_in: Option<u64>,
    /// How many people it lets in; any number if it is left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000)]
    max_uses: Option<u32>,
}

impl Validate for NewInvite {
    fn validate(&self, _: &mut Faults) {
        // The bounds are those of the chat itself, which names the field.
    }
}

/// The invites of a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invites {
    /// The invites.
    invites: Vec<Invite>,
}

/// Makes an invite by code. It is good while whoever made it may invite people to the room.
#[utoipa::path(
    post, path = "/rooms/{room_id}/invites", tag = "invites", request_body = NewInvite,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 201, description = "The invite", body = Invite)),
)]
pub(crate) async fn create_invite(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(new): Json<NewInvite>,
) -> Result<(StatusCode, Json<Invite>), Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let lifetime = new.expires_in.map(Duration::from_secs);
    let new = NewInviteCode { lifetime, uses_max: new.max_uses };
    let invite = api.chat.create_invite_code(&room, caller.user_id(), new).await?;
    Ok((StatusCode::CREATED, Json(Invite::new(&api, invite).await?)))
}

/// Lists the invites by code of a room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/invites", tag = "invites",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The invites", body = Invites)),
)]
pub(crate) async fn list_invites(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Invites>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let codes = api.chat.invite_codes(&room, caller.user_id()).await?;
    let mut invites = Vec::with_capacity(codes.len());
    for code in codes {
        invites.push(Invite::new(&api, code).await?);
    }
    Ok(Json(Invites { invites }))
}

/// Revokes an invite by code: nobody joins by it any more.
#[utoipa::path(
    delete, path = "/invites/{code}", tag = "invites",
    params(("code" = String, Path, description = "The code")),
    responses((status = 204, description = "Revoked")),
)]
pub(crate) async fn revoke_invite(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(code): Path<String>,
) -> Result<StatusCode, Problem> {
    api.chat.revoke_invite_code(&code, caller.user_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
