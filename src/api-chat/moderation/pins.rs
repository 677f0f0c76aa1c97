//! Pinned messages.

use axum::extract::State;
use http::StatusCode;
use ruma::{OwnedEventId, OwnedRoomId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Caller, ChatApi, Json, Path, Problem};

/// What is pinned in a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pins {
    /// The ids of the messages, in the order in which they were pinned.
    #[schema(value_type = Vec<String>)]
    message_ids: Vec<OwnedEventId>,
}

/// Lists the pinned messages of a room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/pins", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The pins", body = Pins)),
)]
pub(crate) async fn list_pins(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Pins>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let message_ids = api.chat.pins(&room, caller.user_id()).await?;
    Ok(Json(Pins { message_ids }))
}

/// Pins a message.
#[utoipa::path(
    put, path = "/rooms/{room_id}/pins/{message_id}", tag = "moderation",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("message_id" = String, Path, description = "The message"),
    ),
    responses((status = 204, description = "Pinned")),
)]
pub(crate) async fn pin(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, message_id)): Path<(OwnedRoomId, OwnedEventId)>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.pin(&room, caller.user_id(), &message_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a pin away.
#[utoipa::path(
    delete, path = "/rooms/{room_id}/pins/{message_id}", tag = "moderation",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("message_id" = String, Path, description = "The message"),
    ),
    responses((status = 204, description = "No longer pinned")),
)]
pub(crate) async fn unpin(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, message_id)): Path<(OwnedRoomId, OwnedEventId)>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.unpin(&room, caller.user_id(), &message_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
