//! `PUT /rooms/{room_id}`.

use axum::extract::State;
use http::StatusCode;
use ruma::OwnedRoomId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    list::room_for,
    settings::{check_texts, join_rules},
};
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    place::{Place, state_event},
    views::{Role, Room, RoomType, RoomViews},
};

/// What changes about a room; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RoomUpdate {
    /// The name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100, pattern = "[^ \\t\\r\\n]")]
    name: Option<String>,
    /// What it is about; empty for nothing.
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Who may come in from now on.
    #[serde(default, rename = "type")]
    #[schema(inline)]
    room_type: Option<OpenRoomType>,
}

impl Validate for RoomUpdate {
    fn validate(&self, faults: &mut Faults) {
        check_texts(faults, self.name.as_deref(), self.description.as_deref());
    }
}

/// Who may come into a room that is not direct.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OpenRoomType {
    /// Everybody.
    Public,
    /// Who is invited.
    Private,
}

impl From<OpenRoomType> for RoomType {
    fn from(room_type: OpenRoomType) -> Self {
        match room_type {
            OpenRoomType::Public => Self::Public,
            OpenRoomType::Private => Self::Private,
        }
    }
}

/// Changes a room; for its admins.
#[utoipa::path(
    put, path = "/rooms/{room_id}", tag = "rooms", request_body = RoomUpdate,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The room", body = Room)),
)]
pub(crate) async fn update_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(update): Json<RoomUpdate>,
) -> Result<Json<Room>, Problem> {
    let user_id = caller.user_id();
    let place = Place::joined(&api, &room_id, user_id).await?;
    place.check_role(&api, user_id, Role::Admin).await?;
    let views = RoomViews::new(&api, place.snapshot.as_ref(), user_id).await?;
    if views.direct_with(&place.room).is_some() && update.room_type.is_some() {
        let detail = "a direct room stays one";
        return Err(Problem::new(StatusCode::CONFLICT, "direct-room", detail));
    }
    let is_archived = api.chat.is_archived(place.snapshot.as_ref(), &place.room).await?;
    if is_archived && update.room_type.is_some() {
        let detail = "the room is archived: its owner opens it first";
        return Err(Problem::new(StatusCode::CONFLICT, "archived", detail));
    }
    let mut events = Vec::new();
    if let Some(name) = &update.name {
        events.push(state_event(user_id, "m.room.name", &json!({ "name": name }))?);
    }
    if let Some(text) = &update.description {
        let topic = json!({ "topic": text, "m.topic": { "m.text": [{ "body": text }] } });
        events.push(state_event(user_id, "m.room.topic", &topic)?);
    }
    let room_type = update.room_type.map(RoomType::from);
    if let Some(room_type) = room_type {
        events.push(state_event(user_id, "m.room.join_rules", &join_rules(room_type))?);
    }
    if !events.is_empty() {
        api.rooms.send_all(&place.room, events).await?;
    }
    if let Some(room_type) = room_type {
        api.rooms.set_published(&place.room, room_type == RoomType::Public).await?;
    }
    Ok(Json(room_for(&api, user_id, &room_id).await?))
}
