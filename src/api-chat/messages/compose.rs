//! What a message of this API is as the content of a Matrix event.

use std::ops::RangeInclusive;

use hearth_rooms::Event;
use ruma::{EventId, OwnedEventId, UserId};
use serde_json::{Value, json};

use super::mentions::Mentions;
use crate::{ChatApi, Faults, Problem, place::Place, views::from_markdown};

/// How many characters a message has.
pub(super) const CONTENT_CHARACTERS: RangeInclusive<usize> = 1..=10_000;

/// Checks the text of a message with files, which need none.
pub(super) fn check_caption(faults: &mut Faults, content: &str) {
    let most = 0..=*CONTENT_CHARACTERS.end();
    faults.characters("content", content, most);
}

/// Checks the text of a message.
pub(super) fn check_content(faults: &mut Faults, content: &str) {
    faults.characters("content", content, CONTENT_CHARACTERS);
    faults.not_blank("content", content);
}

/// A text as the content of an event, without what it relates to.
pub(super) async fn text_content(
    api: &ChatApi,
    place: &Place,
    sender: &UserId,
    text: &str,
    replied_to: Option<&UserId>,
) -> Result<Value, Problem> {
    let mut content = json!({ "msgtype": "m.text", "body": text });
    if let Some(html) = from_markdown(text) {
        content["format"] = json!("org.matrix.custom.html");
        content["formatted_body"] = json!(html);
    }
    let mut mentions = Mentions::find(api, place.snapshot.as_ref(), &place.room, text).await?;
    mentions.users.extend(replied_to.map(ToOwned::to_owned));
    mentions.users.remove(sender);
    content["m.mentions"] = json!({});
    if !mentions.users.is_empty() {
        content["m.mentions"]["user_ids"] = json!(mentions.users);
    }
    if mentions.room {
        content["m.mentions"]["room"] = json!(true);
    }
    Ok(content)
}

/// What a message answers to.
pub(super) struct Answer {
    /// The message that it replies to.
    pub(super) parent: Option<Event>,
    /// The beginning of the thread that it is in.
    thread: Option<OwnedEventId>,
}

impl Answer {
    /// Finds what a message answers to: an answer to a message in a thread is in the thread too.
    pub(super) async fn find(
        api: &ChatApi,
        place: &Place,
        user_id: &UserId,
        parent: Option<&EventId>,
        thread: Option<&EventId>,
    ) -> Result<Self, Problem> {
        let parent = match parent {
            Some(id) => Some(find(api, place, user_id, id, "parent_message_id").await?),
            None => None,
        };
        let thread = match (thread, &parent) {
            (Some(id), _) => {
                let root = find(api, place, user_id, id, "thread_id").await?;
                let of_root = api.rooms.thread_of(place.snapshot.as_ref(), &root).await?;
                Some(of_root.unwrap_or_else(|| id.to_owned()))
            }
            (None, Some(parent)) => api.rooms.thread_of(place.snapshot.as_ref(), parent).await?,
            (None, None) => None,
        };
        Ok(Self { parent, thread })
    }

    /// The `m.relates_to` of the message, if it relates to anything.
    pub(super) fn relates_to(&self) -> Option<Value> {
        let parent = self.parent.as_ref().map(|parent| parent.pdu().event_id());
        match (&self.thread, parent) {
            (None, None) => None,
            (None, Some(parent)) => Some(json!({ "m.in_reply_to": { "event_id": parent } })),
            (Some(root), parent) => Some(json!({
                "rel_type": "m.thread",
                "event_id": root,
                "is_falling_back": parent.is_none(),
                "m.in_reply_to": { "event_id": parent.unwrap_or(root) },
            })),
        }
    }
}

async fn find(
    api: &ChatApi,
    place: &Place,
    user_id: &UserId,
    id: &EventId,
    field: &str,
) -> Result<Event, Problem> {
    let found = api.rooms.visible_event(place.snapshot.as_ref(), &place.room, id, user_id).await;
    match found {
        Err(hearth_rooms::RoomsError::NotFound(_)) => {
            Err(Problem::not_found(format!("{field}: there is no such message in this room")))
        }
        found => Ok(found?),
    }
}
