//! What the server says.

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::cursor::Cursor;
use crate::{
    notifications::Notification,
    views::{Message, Person, Status},
};

/// One frame of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct Frame<'a> {
    /// The place after the frame: who resumes names that of the last frame it received.
    #[schema(value_type = String, example = "1207")]
    pub pos: Cursor,
    /// What it says.
    #[serde(flatten)]
    pub says: Says<'a>,
}

/// What a frame says.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Says<'a> {
    /// Something happened.
    Happening(&'a Happening),
    /// To this client alone.
    Reply(Reply<'a>),
}

/// What is said to one client.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Reply<'a> {
    /// The first frame: the client is known, and told of everything from here on.
    Ready {
        /// Who it is.
        #[schema(value_type = String)]
        user_id: OwnedUserId,
        /// Whether the client gets everything since the place that it named. If not, it has to
        /// load afresh.
        resumed: bool,
        /// How many of the rooms that it named it is subscribed to: those that the user is in.
        rooms: usize,
        /// How long the server waits for a sign of life, in milliseconds.
        heartbeat_ms: u64,
    },
    /// A command was carried out.
    Ack {
        /// The command.
        id: &'a str,
        /// The message that was sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Box<Message>>,
        /// What came of a slash command: only who gave it is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        notice: Option<String>,
    },
    /// A command was not carried out.
    Error {
        /// The command, if it has an id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        /// Why: the problem document that the REST API answers with.
        #[schema(value_type = Object)]
        problem: Value,
    },
    /// The answer to `ping`.
    Pong {
        /// The command, if it has an id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
    },
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Happening {
    /// There is a new message.
    MessageCreated {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// The message.
        message: Box<Message>,
    },
    /// A message was edited.
    MessageUpdated {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// The message as it is now.
        message: Box<Message>,
    },
    /// A message was deleted.
    MessageDeleted {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// The message.
        #[schema(value_type = String)]
        message_id: OwnedEventId,
    },
    /// Somebody reacted to a message.
    ReactionAdded {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// The message.
        #[schema(value_type = String)]
        message_id: OwnedEventId,
        /// Who.
        user: Person,
        /// With what.
        emoji: String,
    },
    /// Somebody took a reaction back.
    ReactionRemoved {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// The message.
        #[schema(value_type = String)]
        message_id: OwnedEventId,
        /// Who.
        user: Person,
        /// With what.
        emoji: String,
    },
    /// Somebody began to write, or stopped.
    UserTyping {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// Who.
        #[schema(value_type = String)]
        user_id: OwnedUserId,
        /// Whether they write.
        typing: bool,
    },
    /// Somebody joined a room.
    UserJoined {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// Who.
        user: Person,
    },
    /// Somebody left a room, or was removed.
    UserLeft {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// Who.
        #[schema(value_type = String)]
        user_id: OwnedUserId,
    },
    /// Somebody has read a message, and all before it.
    MessageRead {
        /// Where.
        #[schema(value_type = String)]
        room_id: OwnedRoomId,
        /// The message.
        #[schema(value_type = String)]
        message_id: OwnedEventId,
        /// Who.
        #[schema(value_type = String)]
        user_id: OwnedUserId,
    },
    /// There is something that the user should know of.
    Notification {
        /// What it is.
        notification: Box<Notification>,
    },
    /// Somebody came, went, or says something else about themselves.
    PresenceUpdated {
        /// Who.
        #[schema(value_type = String)]
        user_id: OwnedUserId,
        /// Whether they are there.
        status: Status,
        /// What they say about it.
        status_message: Option<String>,
    },
}
