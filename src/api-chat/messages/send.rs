//! `POST /rooms/{room_id}/messages`, and the same for whoever sends otherwise.

use axum::extract::State;
use hearth_rooms::{RoomsError, Transaction};
use http::StatusCode;
use ruma::{OwnedEventId, OwnedRoomId, RoomId, UserId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::compose::{Answer, check_caption, check_content, text_content};
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Said, Validate,
    attachments::{Files, check_files},
    invitees::check_may_write_in,
    place::{Place, message_event},
    say,
    views::{Message, MessageViews, ids},
};

/// Longest name that a client gives a message, in characters.
const CLIENT_ID_CHARACTERS_MAX: usize = 128;

/// A message to be.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewMessage {
    /// What it says; markdown is understood. Beside attachments it may be empty or left out, which
    /// a schema of JSON cannot say simply.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 10000, pattern = "[^ \t\r\n]")]
    pub content: String,
    /// The message that it replies to.
    #[serde(default, alias = "parent_id")]
    #[schema(value_type = Option<ids::MessageId>)]
    pub parent_message_id: Option<OwnedEventId>,
    /// The message at the beginning of the thread that it goes into. An answer to a message in a
    /// thread goes there by itself.
    #[serde(default)]
    #[schema(value_type = Option<ids::MessageId>)]
    pub thread_id: Option<OwnedEventId>,
    /// The ids of files that were uploaded.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub attachments: Vec<String>,
    /// What the client calls the message: sent again under the same name it is the same message.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub client_id: Option<String>,
    /// Whether it says what the sender does.
    #[serde(skip)]
    pub is_action: bool,
}

impl Validate for NewMessage {
    fn validate(&self, faults: &mut Faults) {
        if self.attachments.is_empty() {
            check_content(faults, &self.content);
        } else {
            check_caption(faults, &self.content);
            check_files(faults, &self.attachments);
        }
        let client_id = self.client_id.as_deref();
        faults.optional_characters("client_id", client_id, 1..=CLIENT_ID_CHARACTERS_MAX);
    }
}

/// Sends a message. The same `client_id` makes no second one. A text that begins with a slash is a
/// command, such as `/help`: only its sender is told what came of it.
#[utoipa::path(
    post, path = "/rooms/{room_id}/messages", tag = "messages", request_body = NewMessage,
    params(("room_id" = String, Path, description = "The room")),
    responses(
        (status = 201, description = "The new message", body = Message),
        (status = 200, description = "The message that was sent before, or what came of a command",
         body = Said),
    ),
)]
pub(crate) async fn send_message(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(new): Json<NewMessage>,
) -> Result<(StatusCode, Json<Said>), Problem> {
    let (is_new, said) = say(&api, &caller, &room_id, new).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(said)))
}

/// Sends a message that was checked, and returns whether it is new, and what it became.
///
/// # Errors
/// 400 if it answers to something else than a message of the room, 403 if the user may not write
/// there, 404 if there is no such room, 429 if it is one too many.
pub async fn send(
    api: &ChatApi,
    caller: &Caller,
    room_id: &RoomId,
    new: NewMessage,
) -> Result<(bool, Message), Problem> {
    let user_id = caller.user_id();
    let place = Place::joined(api, room_id, user_id).await?;
    check_may_write_in(api, &place, user_id).await?;
    let (parent, thread) = (new.parent_message_id.as_deref(), new.thread_id.as_deref());
    let answer = Answer::find(api, &place, user_id, parent, thread).await?;
    let replied_to = answer.parent.as_ref().map(|parent| parent.pdu().sender());
    let mut content = text_content(api, &place, user_id, &new.content, replied_to).await?;
    if new.is_action {
        content["msgtype"] = "m.emote".into();
    }
    let files = Files::find(api, user_id, &new.attachments).await?;
    files.put_into(&api.settings, &mut content);
    if let Some(relates_to) = answer.relates_to() {
        content["m.relates_to"] = relates_to;
    }
    let transaction = new.client_id.map(|client_id| Transaction {
        device_id: caller.device_id().to_owned(),
        transaction_id: client_id.into(),
        scope: format!("send/{room_id}/m.room.message"),
    });
    api.pace.count(user_id)?;
    let event = message_event(user_id, "m.room.message", &content, transaction.clone())?;
    let sent = api.rooms.send(&place.room, event).await.map_err(|error| match error {
        RoomsError::Forbidden(_) => {
            let detail = "you may not write in this room";
            Problem::new(StatusCode::FORBIDDEN, "may-not-write", detail)
        }
        other => other.into(),
    })?;
    files.note(api, &sent.event_id).await?;
    let further = files.further(&api.settings, &sent.event_id);
    send_further(api, &place, user_id, further, transaction.as_ref()).await?;
    api.bus.presence().active(user_id);
    let snapshot = api.rooms.snapshot().await?;
    let event = api.rooms.event(snapshot.as_ref(), sent.nid).await?;
    let device_id = Some(caller.device_id());
    let views = MessageViews::new(api, snapshot.as_ref(), &place.room, user_id, device_id);
    let message = views.one(&event).await?;
    let message = message.ok_or_else(|| Problem::internal("a sent message is none"))?;
    Ok((sent.position.is_some(), message))
}

/// Sends the events that show Matrix clients the other files of a message.
async fn send_further(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    contents: impl Iterator<Item = Value>,
    transaction: Option<&Transaction>,
) -> Result<(), Problem> {
    let mut events = Vec::new();
    for (number, content) in contents.enumerate() {
        let transaction = transaction.map(|of_message| Transaction {
            transaction_id: format!("{}.{number}", of_message.transaction_id).into(),
            ..of_message.clone()
        });
        events.push(message_event(user_id, "m.room.message", &content, transaction)?);
    }
    if !events.is_empty() {
        api.rooms.send_all(&place.room, events).await?;
    }
    Ok(())
}
