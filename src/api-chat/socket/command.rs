//! What clients say.

use ruma::{OwnedEventId, OwnedRoomId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    cursor::Cursor,
    limits::{COMMAND_ID_CHARACTERS, ROOMS_MAX},
};
use crate::{Faults, Problem, Validate};

/// One frame of a client. Each command is answered with an `ack` or an `error` that has its id.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Request {
    /// What the client calls the command. Sending a message again under the same id, after a
    /// reconnect too, sends it once.
    pub id: Option<String>,
    /// The command.
    #[serde(flatten)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Command {
    /// The first frame of who sent no token with the handshake.
    Hello(Hello),
    /// Subscribe to what happens in a room.
    JoinRoom(InRoom),
    /// Unsubscribe.
    LeaveRoom(InRoom),
    /// The user writes. It ends by itself after 5 seconds.
    TypingStart(InRoom),
    /// The user stopped to write.
    TypingStop(InRoom),
    /// Send a message.
    SendMessage(SendMessage),
    /// The user has read a message, and all before it.
    ReadMessage(ReadMessage),
    /// Answered with the client's place, for clients that cannot see the protocol's own pings.
    Ping,
}

/// Who one is, and what one wants to be told.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Hello {
    /// The token.
    pub token: String,
    /// What the client wants to be told.
    #[serde(flatten)]
    pub wish: Wish,
}

/// What a client wants to be told from the beginning.
#[derive(Debug, Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// The `pos` of the last frame that was received; what came after it is told first.
    pub pos: Option<String>,
    /// The rooms to subscribe to.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    #[param(value_type = Vec<String>)]
    pub rooms: Vec<OwnedRoomId>,
    /// Subscribe to all rooms of the user, also to those that they join later.
    #[serde(default)]
    pub all_rooms: bool,
}

impl Wish {
    /// The place to go on from.
    pub fn place(&self) -> Result<Option<Cursor>, Problem> {
        let Some(pos) = &self.pos else {
            return Ok(None);
        };
        pos.parse().map(Some).map_err(|_| Problem::invalid_field("pos", "it is no place"))
    }
}

impl Validate for Wish {
    fn validate(&self, faults: &mut Faults) {
        if self.rooms.len() > ROOMS_MAX {
            faults.add("rooms", format!("they must not be more than {ROOMS_MAX}"));
        }
        if self.place().is_err() {
            faults.add("pos", "it is no place");
        }
    }
}

/// A command about a room.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InRoom {
    /// The room.
    #[schema(value_type = String)]
    pub room_id: OwnedRoomId,
}

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SendMessage {
    /// Where to.
    #[schema(value_type = String)]
    pub room_id: OwnedRoomId,
    /// The text, as Markdown.
    pub content: Option<String>,
    /// The message that it answers.
    #[schema(value_type = Option<String>)]
    pub parent_id: Option<OwnedEventId>,
    /// The ids of uploads.
    #[serde(default)]
    pub attachments: Vec<String>,
}

/// A message that was read.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ReadMessage {
    /// The message.
    #[schema(value_type = String)]
    pub message_id: OwnedEventId,
}

impl Validate for Request {
    fn validate(&self, faults: &mut Faults) {
        if let Some(id) = &self.id {
            faults.characters("id", id, COMMAND_ID_CHARACTERS);
        }
        if let Command::Hello(hello) = &self.command {
            hello.wish.validate(faults);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Request, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn every_command_of_the_contract_is_read() {
        let room = json!("!a:b.c");
        for command in [
            json!({ "type": "join_room", "room_id": room }),
            json!({ "type": "leave_room", "room_id": room, "id": "1" }),
            json!({ "type": "typing_start", "room_id": room }),
            json!({ "type": "typing_stop", "room_id": room }),
            json!({ "type": "send_message", "room_id": room, "content": "x" }),
            json!({
                "type": "send_message", "room_id": room, "content": "x", "parent_id": "$a",
                "attachments": ["b"],
            }),
            json!({ "type": "read_message", "message_id": "$a" }),
            json!({ "type": "hello", "token": "t", "pos": "1", "rooms": [room] }),
            json!({ "type": "ping" }),
        ] {
            assert!(read(command.clone()).is_ok(), "{command}");
        }
        for nonsense in [json!({}), json!({ "type": "dance" }), json!({ "type": "join_room" })] {
            assert!(read(nonsense.clone()).is_err(), "{nonsense}");
        }
    }
}
