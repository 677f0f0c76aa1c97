//! `/messages/{message_id}/reactions`.

use std::collections::BTreeSet;

use axum::extract::State;
use hearth_rooms::{Event, EventRequest};
use http::StatusCode;
use ruma::{OwnedEventId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::page::shown;
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    invitees::check_may_write_in,
    place::{Place, message_event},
    views::{Message, MessageType, ReactionGroup, spelled},
};

/// What asks for the coloured picture of a character.
const VARIATION_SELECTOR: char = '\u{fe0f}';

/// A reaction to be.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewReaction {
    /// The emoji.
    #[schema(min_length = 1, max_length = 32, format = "emoji", example = "👍")]
    emoji: String,
}

impl Validate for NewReaction {
    fn validate(&self, faults: &mut Faults) {
        faults.check("emoji", emojis::get(&self.emoji).is_some(), "it must be one emoji");
    }
}

/// Reacts to a message: once with each emoji.
#[utoipa::path(
    post, path = "/messages/{message_id}/reactions", tag = "messages", request_body = NewReaction,
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 201, description = "The message with the reaction", body = Message)),
)]
pub(crate) async fn add_reaction(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
    Json(NewReaction { emoji }): Json<NewReaction>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    let user_id = caller.user_id();
    let (place, event) = Place::of_message(&api, &message_id, user_id).await?;
    api.chat.check_not_archived(place.snapshot.as_ref(), &place.room).await?;
    check_may_write_in(&api, &place, user_id).await?;
    let message = shown(&api, &caller, &place, &event).await?;
    if message.is_deleted || message.message_type == MessageType::System {
        let detail = "there is nothing to react to";
        return Err(Problem::new(StatusCode::CONFLICT, "not-reactable", detail));
    }
    if !own_reactions(&api, &place, &event, user_id, &emoji).await?.is_empty() {
        let detail = "you reacted like this already";
        return Err(Problem::new(StatusCode::CONFLICT, "already-reacted", detail));
    }
    let emoji = spelled(&emoji);
    let relates = json!({ "rel_type": "m.annotation", "event_id": message_id, "key": emoji });
    let content = json!({ "m.relates_to": relates });
    let reaction = message_event(user_id, "m.reaction", &content, None)?;
    api.rooms.send(&place.room, reaction).await?;
    api.bus.presence().active(user_id);
    Ok((StatusCode::CREATED, Json(shown(&api, &caller, &place, &event).await?)))
}

/// Takes a reaction back.
#[utoipa::path(
    delete, path = "/messages/{message_id}/reactions/{emoji}", tag = "messages",
    params(
        ("message_id" = String, Path, description = "The message"),
        ("emoji" = String, Path, description = "The emoji"),
    ),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn remove_reaction(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((message_id, emoji)): Path<(OwnedEventId, String)>,
) -> Result<StatusCode, Problem> {
    let user_id = caller.user_id();
    let (place, event) = Place::of_message(&api, &message_id, user_id).await?;
    let reactions = own_reactions(&api, &place, &event, user_id, &emoji).await?;
    if reactions.is_empty() {
        return Err(Problem::not_found("you did not react like this"));
    }
    for reaction in reactions {
        let redaction = message_event(user_id, "m.room.redaction", &json!({}), None)?;
        let redaction = EventRequest { redacts: Some(reaction), ..redaction };
        api.rooms.send(&place.room, redaction).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The user's reactions to a message with an emoji: Matrix lets it be spelled with variation
/// selectors and without them.
async fn own_reactions(
    api: &ChatApi,
    place: &Place,
    event: &Event,
    user_id: &UserId,
    emoji: &str,
) -> Result<Vec<OwnedEventId>, Problem> {
    let usual = spelled(emoji);
    let bare = usual.replace(VARIATION_SELECTOR, "");
    let spellings = BTreeSet::from([emoji, usual, &bare]);
    let mut found = Vec::new();
    for key in spellings {
        let own = api.rooms.own_reaction(place.snapshot.as_ref(), event, user_id, key).await?;
        found.extend(own.map(|reaction| reaction.pdu().event_id().to_owned()));
    }
    Ok(found)
}

/// Reactions to a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reactions {
    /// The reactions by emoji.
    reactions: Vec<ReactionGroup>,
}

/// The reactions to a message, by emoji.
#[utoipa::path(
    get, path = "/messages/{message_id}/reactions", tag = "messages",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 200, description = "The reactions", body = Reactions)),
)]
pub(crate) async fn list_reactions(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<Json<Reactions>, Problem> {
    let (place, event) = Place::of_message(&api, &message_id, caller.user_id()).await?;
    let message = shown(&api, &caller, &place, &event).await?;
    Ok(Json(Reactions { reactions: message.reactions }))
}
