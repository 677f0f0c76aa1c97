//! The rules of a room.

use axum::extract::State;
use http::StatusCode;
use ruma::OwnedRoomId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Caller, ChatApi, Faults, Json, Path, Problem, Validate};

/// Longest rules, in characters.
const RULES_CHARACTERS_MAX: usize = 10_000;

/// What rules are to be.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewRules {
    /// What they say; an empty text takes them away.
    #[schema(max_length = 10_000)]
    text: String,
    /// Whether members have to accept them before they post.
    #[serde(default)]
    required: bool,
}

impl Validate for NewRules {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("text", &self.text, 0..=RULES_CHARACTERS_MAX);
    }
}

/// The rules of a room, as the user who asks sees them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rules {
    /// What they say; empty if there are none.
    text: String,
    /// Whether members have to accept them before they post.
    is_required: bool,
    /// Whether the user did.
    is_accepted: bool,
}

/// Shows the rules of a room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/rules", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The rules", body = Rules)),
)]
pub(crate) async fn get_rules(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Rules>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let rules = api.chat.room_rules(&room, caller.user_id()).await?;
    Ok(Json(match rules {
        Some(rules) => Rules {
            text: rules.text,
            is_required: rules.is_required,
            is_accepted: rules.is_accepted,
        },
        None => Rules { text: String::new(), is_required: false, is_accepted: false },
    }))
}

/// Sets the rules of a room.
#[utoipa::path(
    put, path = "/rooms/{room_id}/rules", tag = "moderation", request_body = NewRules,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Set")),
)]
pub(crate) async fn set_rules(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(NewRules { text, required }): Json<NewRules>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.set_room_rules(&room, caller.user_id(), &text, required).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts the rules that a room has now.
#[utoipa::path(
    post, path = "/rooms/{room_id}/rules/accept", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Accepted")),
)]
pub(crate) async fn accept_rules(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.accept_room_rules(&room, caller.user_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
