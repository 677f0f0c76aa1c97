//! Messages: what a room's events are for chat clients.

use hearth_rooms::Event;
use ruma::{OwnedEventId, OwnedRoomId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Attachment, ContentWarning, Person, ReactionGroup, SystemEvent, Timestamp, from_markdown, html,
};

/// What is shown of a message that was deleted.
pub const DELETED: &str = "[deleted]";
/// What is shown of a message that this server cannot read.
pub(super) const ENCRYPTED: &str = "[encrypted]";

/// Longest text that is read as markdown in place of HTML, in bytes.
const MARKDOWN_BYTES_MAX: usize = 40_000;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// Text, perhaps with attachments.
    Text,
    /// A picture.
    Image,
    /// Another file.
    File,
    /// Something happened in the room: nobody wrote it.
    System,
}

/// How far a message of the user's own came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is in the room.
    Sent,
    /// A device of another member has it.
    Delivered,
    /// Another member has read it.
    Read,
}

/// A message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// The id.
    #[schema(value_type = String, example = "$abc")]
    pub id: OwnedEventId,
    /// The room.
    #[schema(value_type = String)]
    pub room_id: OwnedRoomId,
    /// What it is.
    #[serde(rename = "type")]
    pub message_type: MessageType,
    /// What it says, as it was written; `[deleted]` when it was deleted.
    pub content: String,
    /// The same as HTML that is safe to show, if that says more.
    pub formatted_content: Option<String>,
    /// Whether it says what the sender does, like `/me` in other chats.
    pub is_action: bool,
    /// Who wrote it; of a system message, who did it.
    pub sender: Person,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was edited last.
    pub edited_at: Option<Timestamp>,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// The message that it replies to.
    #[schema(value_type = Option<String>)]
    pub parent_message_id: Option<OwnedEventId>,
    /// The message at the beginning of the thread that it is in.
    #[schema(value_type = Option<String>)]
    pub thread_id: Option<OwnedEventId>,
    /// How many messages there are in the thread that begins with it.
    pub thread_count: u64,
    /// The files that come with it.
    pub attachments: Vec<Attachment>,
    /// That it should be covered until the reader wants to see it.
    pub content_warning: Option<ContentWarning>,
    /// The reactions to it, by emoji.
    pub reactions: Vec<ReactionGroup>,
    /// Of a system message, what happened.
    pub system: Option<SystemEvent>,
    /// How many other members have read it; not told in very large rooms.
    pub read_by_count: Option<u64>,
    /// Of a message of the user's own, how far it came.
    pub status: Option<DeliveryStatus>,
    /// What the client called the message when this session sent it.
    pub client_id: Option<String>,
}

/// What a message event says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct MessageContent {
    #[serde(default)]
    pub(super) msgtype: String,
    #[serde(default)]
    pub(super) body: String,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    formatted_body: Option<String>,
    #[serde(flatten)]
    pub(super) file: FileContent,
    /// All files, if there are several.
    #[serde(default, rename = "org.hearth.attachments")]
    pub(super) files: Vec<FileContent>,
}

/// What a message event says of a file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct FileContent {
    #[serde(default)]
    pub(super) filename: Option<String>,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) info: Option<FileInfo>,
}

/// What a message event says of what a file is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct FileInfo {
    #[serde(default)]
    pub(super) mimetype: Option<String>,
    #[serde(default)]
    pub(super) size: Option<u64>,
    #[serde(default, rename = "w")]
    pub(super) width: Option<u64>,
    #[serde(default, rename = "h")]
    pub(super) height: Option<u64>,
}

/// How a message event relates to others.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Relations {
    #[serde(default, rename = "m.relates_to")]
    relates_to: RelatesTo,
}

#[derive(Debug, Default, Deserialize)]
struct RelatesTo {
    #[serde(default)]
    rel_type: Option<String>,
    #[serde(default)]
    event_id: Option<OwnedEventId>,
    #[serde(default)]
    is_falling_back: bool,
    #[serde(default, rename = "m.in_reply_to")]
    in_reply_to: Option<InReplyTo>,
}

#[derive(Debug, Deserialize)]
struct InReplyTo {
    event_id: OwnedEventId,
}

impl MessageContent {
    /// The content of a message event, or of the latest edit of it.
    pub(super) fn of(event: &Event, edit: Option<&Event>) -> Self {
        #[derive(Deserialize)]
        struct Edit {
            #[serde(rename = "m.new_content")]
            new_content: MessageContent,
        }
        let edited = edit.and_then(|edit| edit.pdu().content_as::<Edit>());
        let edited = edited.map(|edit| edit.new_content);
        edited.or_else(|| event.pdu().content_as()).unwrap_or_default()
    }

    /// What it says beside its files: their names say nothing.
    pub(super) fn text(&self) -> &str {
        let is_file = matches!(self.message_type(), MessageType::Image | MessageType::File);
        let name = self.file.filename.as_deref();
        if is_file && name.is_none_or(|name| name == self.body) { "" } else { &self.body }
    }

    /// What kind of message it is.
    pub(super) fn message_type(&self) -> MessageType {
        match self.msgtype.as_str() {
            "m.image" => MessageType::Image,
            "m.file" | "m.audio" | "m.video" => MessageType::File,
            _ => MessageType::Text,
        }
    }

    /// Its HTML, made safe. Where that could cost too much, its text is read as markdown.
    pub(super) fn html(&self) -> Option<String> {
        let is_html = self.format.as_deref() == Some("org.matrix.custom.html");
        let html = self.formatted_body.as_deref().filter(|_| is_html)?;
        html::clean(html).or_else(|| {
            let is_short = self.text().len() <= MARKDOWN_BYTES_MAX;
            is_short.then(|| from_markdown(self.text())).flatten()
        })
    }
}

impl Relations {
    /// How a message relates to others.
    pub(super) fn of(event: &Event) -> Self {
        event.pdu().content_as().unwrap_or_default()
    }

    /// The root of its thread.
    pub(super) fn thread(&self) -> Option<OwnedEventId> {
        let is_thread = self.relates_to.rel_type.as_deref() == Some("m.thread");
        self.relates_to.event_id.clone().filter(|_| is_thread)
    }

    /// The message that it replies to. In a thread that is perhaps only for clients which know no
    /// threads.
    pub(super) fn parent(&self) -> Option<OwnedEventId> {
        let replied = self.relates_to.in_reply_to.as_ref().map(|reply| reply.event_id.clone());
        match self.thread() {
            Some(root) if self.relates_to.is_falling_back || replied.is_none() => Some(root),
            _ => replied,
        }
    }

    fn is_edit(&self) -> bool {
        self.relates_to.rel_type.as_deref() == Some("m.replace")
    }
}

/// Whether an event can be a message for chat clients. Of some events only what was before says.
#[must_use]
pub fn may_be_message(event: &Event) -> bool {
    match event.pdu().type_name() {
        "m.room.message" | "m.room.encrypted" | "m.sticker" => {
            !Relations::of(event).is_edit() && !is_further_file(event)
        }
        "m.room.member" => event.pdu().is_state() && event.redacted_by().is_none(),
        "m.room.name" | "m.room.topic" => event.pdu().state_key() == Some(""),
        _ => false,
    }
}

/// Whether an event only shows Matrix clients a file of another message.
pub(crate) fn is_further_file(event: &Event) -> bool {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default, rename = "org.hearth.further_attachment")]
        is_further: bool,
    }
    let content: Option<Content> = event.pdu().content_as();
    content.is_some_and(|content| content.is_further)
}
