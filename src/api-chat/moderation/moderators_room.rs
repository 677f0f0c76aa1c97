//! The private room of a room's moderators.

use axum::extract::State;
use ruma::OwnedRoomId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Caller, ChatApi, Json, Path, Problem};

/// The room of the moderators of a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModeratorsRoom {
    /// The room.
    #[schema(value_type = String)]
    room_id: OwnedRoomId,
}

/// Opens the private room of the moderators of a room; it is made if there is none yet. Whoever
/// becomes an admin is in it from then on, and whoever is none any more is not.
#[utoipa::path(
    put, path = "/rooms/{room_id}/moderators-room", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "Their room", body = ModeratorsRoom)),
)]
pub(crate) async fn open_moderators_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<ModeratorsRoom>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let theirs = api.chat.moderators_room(&room, caller.user_id()).await?;
    Ok(Json(ModeratorsRoom { room_id: theirs.id().to_owned() }))
}
