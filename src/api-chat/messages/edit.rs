//! `PUT /messages/{message_id}`.

use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use ruma::OwnedEventId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    compose::{check_content, text_content},
    page::shown,
};
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    attachments::keep_files,
    invitees::check_may_write_in,
    place::{Place, message_event},
    views::{Message, MessageType},
};

/// How long a message can be edited.
const EDITABLE: Duration = Duration::from_secs(15 * 60);

/// What a message says from now on.
#[derive(Deserialize, ToSchema)]
pub(crate) struct EditMessage {
    /// What it says; markdown is understood.
    #[schema(min_length = 1, max_length = 10000, pattern = "[^ \\t\\r\\n]")]
    content: String,
}

impl Validate for EditMessage {
    fn validate(&self, faults: &mut Faults) {
        check_content(faults, &self.content);
    }
}

/// Edits a message: for who sent it, and for 15 minutes.
#[utoipa::path(
    put, path = "/messages/{message_id}", tag = "messages", request_body = EditMessage,
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 200, description = "The message", body = Message)),
)]
pub(crate) async fn edit_message(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
    Json(EditMessage { content: text }): Json<EditMessage>,
) -> Result<Json<Message>, Problem> {
    let user_id = caller.user_id();
    let (place, event) = Place::of_message(&api, &message_id, user_id).await?;
    api.chat.check_not_archived(place.snapshot.as_ref(), &place.room).await?;
    check_may_write_in(&api, &place, user_id).await?;
    api.chat.check_not_encrypted(place.snapshot.as_ref(), &place.room).await?;
    let message = shown(&api, &caller, &place, &event).await?;
    if event.pdu().sender() != user_id || message.message_type == MessageType::System {
        return Err(Problem::forbidden("only who sent a message may edit it"));
    }
    if message.is_deleted {
        return Err(Problem::new(StatusCode::CONFLICT, "deleted", "the message was deleted"));
    }
    let sent_ms = u64::from(event.pdu().origin_server_ts().get());
    let age_ms = api.rooms.clock().now_ms().saturating_sub(sent_ms);
    if u128::from(age_ms) >= EDITABLE.as_millis() {
        let detail = "a message can be edited for 15 minutes";
        return Err(Problem::new(StatusCode::FORBIDDEN, "too-late", detail));
    }
    let mut new_content = text_content(&api, &place, user_id, &text, None).await?;
    keep_files(&event, &mut new_content);
    let mut content = new_content.clone();
    content["body"] = json!(format!("* {text}"));
    if let Some(html) = new_content["formatted_body"].as_str() {
        content["formatted_body"] = json!(format!("* {html}"));
    }
    content["m.new_content"] = new_content;
    content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": message_id });
    api.pace.count(user_id)?;
    let edit = message_event(user_id, "m.room.message", &content, None)?;
    api.rooms.send(&place.room, edit).await?;
    api.bus.presence().active(user_id);
    Ok(Json(shown(&api, &caller, &place, &event).await?))
}
