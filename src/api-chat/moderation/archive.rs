//! Closing a room to joins and posts, and opening it again.

use axum::extract::State;
use http::StatusCode;
use ruma::OwnedRoomId;

use crate::{Caller, ChatApi, Path, Problem};

/// Archives a room: it can be read, and nobody joins or writes any more; for its owner.
#[utoipa::path(
    put, path = "/rooms/{room_id}/archive", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Archived")),
)]
pub(crate) async fn archive(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.archive(&room, caller.user_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens an archived room as it was; for its owner.
#[utoipa::path(
    delete, path = "/rooms/{room_id}/archive", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Open again")),
)]
pub(crate) async fn unarchive(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.unarchive(&room, caller.user_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
