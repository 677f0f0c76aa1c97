//! `/messages/{message_id}/content-warning`: the mark that a message is not safe for work.
//!
//! Whoever may delete a message may mark it: who sent it, and admins of the room. The marks are
//! events of the room ([`hearth_rooms::content_warning`]), one for each event that shows a file of
//! the message to Matrix clients.

use axum::extract::State;
use hearth_base::limits::ROOM_GROUP_EVENTS_MAX;
use hearth_rooms::{Event, content_warning};
use hearth_rules::{PowerLevels, redaction_allowed};
use http::StatusCode;
use ruma::{OwnedEventId, UserId};
use serde_json::json;

use super::{
    delete::{further_files, redaction},
    page::shown,
};
use crate::{
    Caller, ChatApi, Json, Path, Problem,
    place::Place,
    views::{Message, MessageType},
};

/// Marks a message as not safe for work: for who sent it, and for admins of the room.
#[utoipa::path(
    put, path = "/messages/{message_id}/content-warning", tag = "moderation",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 200, description = "The message with the mark", body = Message)),
)]
pub(crate) async fn mark_not_safe_for_work(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<Json<Message>, Problem> {
    let user_id = caller.user_id();
    let (place, event) = Place::of_message(&api, &message_id, user_id).await?;
    let message = shown(&api, &caller, &place, &event).await?;
    if message.is_deleted || message.message_type == MessageType::System {
        let detail = "there is nothing to warn of";
        return Err(Problem::new(StatusCode::CONFLICT, "not-markable", detail));
    }
    check_may_mark(&api, &place, user_id, &event).await?;
    let mut new = Vec::new();
    for part in parts(&api, &place, user_id, event.clone()).await? {
        if !is_marked(&api, &place, user_id, &part).await? {
            new.push(content_warning(user_id, part.pdu().event_id())?);
        }
    }
    new.truncate(ROOM_GROUP_EVENTS_MAX);
    if !new.is_empty() {
        api.rooms.send_all(&place.room, new).await?;
    }
    api.bus.presence().active(user_id);
    Ok(Json(shown(&api, &caller, &place, &event).await?))
}

/// Takes back that a message is not safe for work. What a moderator has marked only admins of the
/// room unmark.
#[utoipa::path(
    delete, path = "/messages/{message_id}/content-warning", tag = "moderation",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 204, description = "It is not marked")),
)]
pub(crate) async fn unmark(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<StatusCode, Problem> {
    let user_id = caller.user_id();
    loop {
        let (place, event) = Place::of_message(&api, &message_id, user_id).await?;
        let levels = check_may_mark(&api, &place, user_id, &event).await?;
        let mut redactions = Vec::new();
        for part in parts(&api, &place, user_id, event).await? {
            for mark in marks(&api, &place, &part).await? {
                if !redaction_allowed(&levels, user_id, mark.pdu().sender()) {
                    return Err(Problem::forbidden("a moderator has marked it"));
                }
                redactions.push(redaction(user_id, mark.pdu().event_id(), &json!({}))?);
            }
        }
        // With the Matrix API somebody may have marked it more often than fits into one group.
        redactions.truncate(ROOM_GROUP_EVENTS_MAX);
        if redactions.is_empty() {
            return Ok(StatusCode::NO_CONTENT);
        }
        api.rooms.send_all(&place.room, redactions).await?;
        api.bus.presence().active(user_id);
    }
}

async fn check_may_mark(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    event: &Event,
) -> Result<PowerLevels, Problem> {
    let levels = place.levels(api).await?;
    if redaction_allowed(&levels, user_id, event.pdu().sender()) {
        return Ok(levels);
    }
    Err(Problem::forbidden("this is for who sent the message and for admins of the room"))
}

/// The events that a message is for Matrix clients.
async fn parts(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    event: Event,
) -> Result<Vec<Event>, Problem> {
    let files = further_files(api, place, user_id, &event).await?;
    Ok([event].into_iter().chain(files).collect())
}

async fn marks(api: &ChatApi, place: &Place, part: &Event) -> Result<Vec<Event>, Problem> {
    let snapshot = place.snapshot.as_ref();
    Ok(api.rooms.content_warnings(snapshot, part, ROOM_GROUP_EVENTS_MAX).await?)
}

/// Whether another mark of the user's would change nothing. Moderators mark anew what only its
/// sender has marked, who could unmark it.
async fn is_marked(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    part: &Event,
) -> Result<bool, Problem> {
    let author = part.pdu().sender();
    let holds = |mark: &Event| user_id == author || mark.pdu().sender() != author;
    Ok(marks(api, place, part).await?.iter().any(holds))
}
