//! What somebody writes may be a command: it is run, and only they learn what came of it.

use hearth_chat::{Command, Ran, Spoken};
use ruma::RoomId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, NewMessage, Problem, invitees::check_invitee, place::Place, send,
    users::rename, validate::Faults, views::Message,
};

/// What came of what somebody wrote.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Said {
    /// A message of the room.
    Message(Box<Message>),
    /// Something for the sender alone.
    Notice {
        /// What came of their command.
        notice: String,
    },
}

/// Sends a message that was checked, or runs the command that it is. Returns whether there is a new
/// message.
///
/// # Errors
/// As [`send`]; what a command may not do or does not understand, only its sender learns.
pub async fn say(
    api: &ChatApi,
    caller: &Caller,
    room_id: &RoomId,
    mut new: NewMessage,
) -> Result<(bool, Said), Problem> {
    let place = Place::joined(api, room_id, caller.user_id()).await?;
    api.chat.check_not_encrypted(place.snapshot.as_ref(), &place.room).await?;
    match Spoken::parse(&new.content, &api.settings.server_name)? {
        Spoken::Text(text) => new.content = text,
        Spoken::Command(command) => match run(api, caller, &place, command).await? {
            Ran::Emote(text) => (new.content, new.is_action) = (text, true),
            Ran::Done(notice) => return Ok((false, Said::Notice { notice })),
            Ran::Rename(name) => {
                let mut faults = Faults::default();
                faults.display_name("content", &name);
                faults.into_result()?;
                rename(api, caller.user_id(), &name).await?;
                let notice = format!("you are called {name} now");
                return Ok((false, Said::Notice { notice }));
            }
        },
    }
    api.chat.check_may_post(&place.room, caller.user_id()).await?;
    let (is_new, message) = send(api, caller, room_id, new).await?;
    Ok((is_new, Said::Message(Box::new(message))))
}

async fn run(
    api: &ChatApi,
    caller: &Caller,
    place: &Place,
    command: Command,
) -> Result<Ran, Problem> {
    let user_id = caller.user_id();
    if !matches!(command, Command::Me(_)) {
        api.pace.count(user_id)?;
    }
    if let Command::Invite(invitee) = &command {
        check_invitee(api, user_id, invitee).await?;
    }
    Ok(api.chat.run_command(&place.room, user_id, command).await?)
}
