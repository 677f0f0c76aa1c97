//! Carrying out what a client says. Each command does what the endpoint for the same does.

use hearth_bus::Bucket;
use hearth_http::Access;
use http::{Method, StatusCode};
use ruma::{RoomId, events::TimelineEventType};

use super::{
    command::{Command, InRoom, SendMessage},
    limits::TYPING_MS,
    listener::Listener,
};
use crate::{
    Caller, ChatApi, NewMessage, Problem, Said, messages, place::Place, say, validate::check,
    views::Message,
};

/// What became of a command.
pub(super) enum Done {
    /// It was carried out.
    Ack {
        /// The message that was sent.
        message: Option<Box<Message>>,
        /// What came of a slash command.
        notice: Option<String>,
    },
    /// It was `ping`.
    Pong,
}

/// Carries a command out.
///
/// # Errors
/// As the endpoint for the same.
pub(super) async fn perform(
    api: &ChatApi,
    caller: &Caller,
    listener: &mut Listener,
    id: Option<&str>,
    command: Command,
) -> Result<Done, Problem> {
    match command {
        Command::Ping => return Ok(Done::Pong),
        Command::Hello(_) => {
            return Err(Problem::invalid_field("type", "the connection is greeted already"));
        }
        Command::JoinRoom(InRoom { room_id }) => {
            caller.admit(api, access(Bucket::Requests), &Method::GET)?;
            listener.subscribe(&room_id).await?;
        }
        Command::LeaveRoom(InRoom { room_id }) => {
            caller.admit(api, access(Bucket::Requests), &Method::GET)?;
            listener.unsubscribe(&room_id).await?;
        }
        Command::TypingStart(InRoom { room_id }) => {
            may_write(api, caller, &room_id).await?;
            api.bus.typing().start(&room_id, caller.user_id(), TYPING_MS);
        }
        Command::TypingStop(InRoom { room_id }) => {
            may_write(api, caller, &room_id).await?;
            api.bus.typing().stop(&room_id, caller.user_id());
        }
        Command::SendMessage(message) => return send(api, caller, id, message).await,
        Command::ReadMessage(read) => {
            caller.admit(api, access(Bucket::Ephemeral), &Method::POST)?;
            messages::read(api, caller, &read.message_id).await?;
        }
    }
    Ok(Done::Ack { message: None, notice: None })
}

async fn send(
    api: &ChatApi,
    caller: &Caller,
    id: Option<&str>,
    message: SendMessage,
) -> Result<Done, Problem> {
    caller.admit(api, access(Bucket::Messages), &Method::POST)?;
    let new = NewMessage {
        content: message.content.unwrap_or_default(),
        parent_message_id: message.parent_id,
        thread_id: None,
        attachments: message.attachments,
        client_id: id.map(str::to_owned),
        is_action: false,
    };
    check(&new)?;
    Ok(match say(api, caller, &message.room_id, new).await?.1 {
        Said::Message(message) => Done::Ack { message: Some(message), notice: None },
        Said::Notice { notice } => Done::Ack { message: None, notice: Some(notice) },
    })
}

/// Lets those say that they write who are in the room.
async fn may_write(api: &ChatApi, caller: &Caller, room_id: &RoomId) -> Result<(), Problem> {
    caller.admit(api, access(Bucket::Ephemeral), &Method::POST)?;
    let place = Place::joined(api, room_id, caller.user_id()).await?;
    let levels = place.levels(api).await?;
    if levels.may_send(caller.user_id(), &TimelineEventType::RoomMessage, false) {
        return Ok(());
    }
    let detail = "you may not write in this room";
    Err(Problem::new(StatusCode::FORBIDDEN, "may-not-write", detail))
}

const fn access(bucket: Bucket) -> Access {
    Access::GUESTS.limited(bucket)
}
