//! `DELETE /messages/{message_id}`.
//!
//! A message that is deleted leaves its place and loses what it said, in its edits and in the
//! events of its other files too.

use axum::extract::State;
use hearth_base::limits::ROOM_GROUP_EVENTS_MAX;
use hearth_rooms::{Direction, Event, EventRequest, RelationQuery, RoomsError};
use http::StatusCode;
use ruma::{OwnedEventId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Caller, ChatApi, Path, Problem,
    place::{Place, message_event},
    views::is_further_file,
};

/// What marks the redaction of an edit or another part of a message, so that the part is not shown
/// as a deleted message.
const OF_EDIT: &str = "org.hearth.of_edit";

/// How many events that relate to a message are read at a time, and how often.
const CHILDREN_PAGE: usize = 200;
const CHILDREN_PAGES_MAX: usize = 50;

/// Deletes a message: for who sent it, and for admins of the room.
#[utoipa::path(
    delete, path = "/messages/{message_id}", tag = "messages",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 204, description = "It is deleted")),
)]
pub(crate) async fn delete_message(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<StatusCode, Problem> {
    let user_id = caller.user_id();
    let (place, event) = Place::of_message(&api, &message_id, user_id).await?;
    if event.pdu().is_state() {
        return Err(Problem::forbidden("what happened cannot be deleted"));
    }
    if caller.is_suspended && event.pdu().sender() != user_id {
        let detail = "suspended users may delete only what they sent";
        return Err(Problem::new(StatusCode::FORBIDDEN, "user-suspended", detail));
    }
    // Who deletes it again deletes what was left, if the server crashed in between.
    let mut redactions = match event.redacted_by() {
        Some(_) => Vec::new(),
        None => vec![redaction(user_id, &message_id, &json!({}))?],
    };
    let edits = children(&api, &place, user_id, &event, "m.replace").await?;
    let files = further_files(&api, &place, user_id, &event).await?;
    for part in edits.iter().chain(&files) {
        let of_edit = json!({ OF_EDIT: true });
        redactions.push(redaction(user_id, part.pdu().event_id(), &of_edit)?);
    }
    while !redactions.is_empty() {
        let rest = redactions.split_off(redactions.len().min(ROOM_GROUP_EVENTS_MAX));
        let sent = api.rooms.send_all(&place.room, std::mem::replace(&mut redactions, rest)).await;
        sent.map_err(|error| match error {
            RoomsError::Forbidden(_) => {
                Problem::forbidden("only who sent a message and admins of the room may delete it")
            }
            other => other.into(),
        })?;
    }
    api.bus.presence().active(user_id);
    Ok(StatusCode::NO_CONTENT)
}

/// The events that show Matrix clients the files of a message after the first one.
pub(super) async fn further_files(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    message: &Event,
) -> Result<Vec<Event>, Problem> {
    let mut files = children(api, place, user_id, message, "m.reference").await?;
    files.retain(is_further_file);
    Ok(files)
}

/// What its sender has sent about a message: its edits, for example.
async fn children(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    message: &Event,
    rel_type: &str,
) -> Result<Vec<Event>, Problem> {
    let mut query = RelationQuery {
        rel_type: Some(rel_type.to_owned()),
        event_type: None,
        from: None,
        to: None,
        direction: Direction::Backward,
        limit: CHILDREN_PAGE,
        recurse: false,
    };
    let (snapshot, room) = (place.snapshot.as_ref(), &place.room);
    let message = message.pdu();
    let mut children = Vec::new();
    for _ in 0..CHILDREN_PAGES_MAX {
        let page = api.rooms.relations(snapshot, room, user_id, message.event_id(), &query).await?;
        // What others pretend to be edits is theirs.
        let own = |child: &Event| child.pdu().sender() == message.sender();
        children.extend(page.events.into_iter().filter(own));
        query.from = page.next;
        if query.from.is_none() {
            break;
        }
    }
    Ok(children)
}

pub(super) fn redaction(
    sender: &UserId,
    target: &ruma::EventId,
    content: &Value,
) -> Result<EventRequest, Problem> {
    let event = message_event(sender, "m.room.redaction", content, None)?;
    Ok(EventRequest { redacts: Some(target.to_owned()), ..event })
}

/// Whether a redaction is that of an edit whose message was deleted.
pub(crate) fn is_deletion_of_edit(redaction: &Event) -> bool {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default, rename = "org.hearth.of_edit")]
        of_edit: bool,
    }
    redaction.pdu().content_as().is_some_and(|content: Content| content.of_edit)
}
