//! Reporting messages, rooms and users to the administrators of the server.
//!
//! What does not exist looks like what does, except a message: whoever reports one has seen it.

use axum::extract::State;
use hearth_rooms::Reported;
use http::StatusCode;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Caller, ChatApi, Faults, Json, Path, Problem, Validate};

/// Longest reason of a report, in characters.
const REASON_CHARACTERS_MAX: usize = 2_000;

/// Why something is reported.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewReport {
    /// Why.
    #[schema(min_length = 1, max_length = 2_000)]
    reason: String,
}

impl Validate for NewReport {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("reason", &self.reason, 1..=REASON_CHARACTERS_MAX);
    }
}

/// Reports a message.
#[utoipa::path(
    post, path = "/messages/{message_id}/report", tag = "moderation", request_body = NewReport,
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 204, description = "Reported")),
)]
pub(crate) async fn report_message(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(event_id): Path<OwnedEventId>,
    Json(NewReport { reason }): Json<NewReport>,
) -> Result<StatusCode, Problem> {
    let unknown = || Problem::not_found("message not found");
    let snapshot = api.rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let event = api.rooms.event_by_id(snapshot, &event_id).await?.ok_or_else(unknown)?;
    let room = api.rooms.room_by_nid(snapshot, event.room()).await?;
    if !api.rooms.is_joined(snapshot, room.nid(), caller.user_id()).await? {
        return Err(unknown());
    }
    api.rooms.visible_event(snapshot, &room, &event_id, caller.user_id()).await?;
    let (room_id, sender) = (room.id().to_owned(), event.pdu().sender().to_owned());
    let reported = Reported::Event { room_id, event_id, sender };
    api.rooms.report(caller.user_id().to_owned(), reported, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reports a room.
#[utoipa::path(
    post, path = "/rooms/{room_id}/report", tag = "moderation", request_body = NewReport,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "Reported")),
)]
pub(crate) async fn report_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(NewReport { reason }): Json<NewReport>,
) -> Result<StatusCode, Problem> {
    if api.rooms.room(&room_id).await?.is_some() {
        let reported = Reported::Room(room_id);
        api.rooms.report(caller.user_id().to_owned(), reported, &reason).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Reports a user.
#[utoipa::path(
    post, path = "/users/{user_id}/report", tag = "moderation", request_body = NewReport,
    params(("user_id" = String, Path, description = "The user")),
    responses((status = 204, description = "Reported")),
)]
pub(crate) async fn report_user(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(user_id): Path<OwnedUserId>,
    Json(NewReport { reason }): Json<NewReport>,
) -> Result<StatusCode, Problem> {
    if api.accounts.user(&user_id).await?.is_some() {
        let reported = Reported::User(user_id);
        api.rooms.report(caller.user_id().to_owned(), reported, &reason).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
