//! What a notification calls a room and a sender.

use hearth_base::RoomNid;
use hearth_rooms::{Event, Rooms};
use hearth_store::Snapshot;
use ruma::{OwnedRoomAliasId, UserId, events::StateEventType};
use serde::Deserialize;

use crate::PushError;

/// How many members name a room that has no name.
const HEROES_MAX: usize = 5;

/// What people call what an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Naming {
    pub(crate) sender: Option<String>,
    pub(crate) room: Option<String>,
    pub(crate) alias: Option<OwnedRoomAliasId>,
}

#[derive(Default, Deserialize)]
struct Content {
    name: Option<String>,
    alias: Option<String>,
}

/// The names for an event, as a user sees its room (specification, "Calculating the display name
/// for a room").
pub(crate) async fn naming(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    event: &Event,
    user_id: &UserId,
) -> Result<Naming, PushError> {
    let room = event.room();
    let wanted = [
        (StateEventType::RoomName, String::new()),
        (StateEventType::RoomCanonicalAlias, String::new()),
    ];
    let head = rooms.head(snapshot, room).await?;
    let found = rooms.state_events(snapshot, room, head.state, &wanted).await?;
    let content = |at: usize| -> Content {
        let event = found.get(at).and_then(Option::as_ref);
        event.and_then(|event| event.pdu().content_as()).unwrap_or_default()
    };
    let alias = content(1).alias.and_then(|alias| OwnedRoomAliasId::try_from(alias).ok());
    let name = content(0).name.filter(|name| !name.is_empty());
    let name = match name.or_else(|| alias.as_ref().map(ToString::to_string)) {
        Some(name) => Some(name),
        None => by_members(rooms, snapshot, room, user_id).await?,
    };
    let sender = Some(member_name(rooms, snapshot, room, event.pdu().sender()).await?);
    Ok(Naming { sender, room: name, alias })
}

/// The name of a room without a name: those of the others in it.
async fn by_members(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: RoomNid,
    user_id: &UserId,
) -> Result<Option<String>, PushError> {
    let mut names = Vec::new();
    for hero in rooms.heroes(snapshot, room, user_id, HEROES_MAX).await? {
        names.push(member_name(rooms, snapshot, room, &hero).await?);
    }
    let last = names.pop();
    Ok(last.map(|last| match names.is_empty() {
        true => last,
        false => format!("{} and {last}", names.join(", ")),
    }))
}

async fn member_name(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: RoomNid,
    user_id: &UserId,
) -> Result<String, PushError> {
    let member = rooms.member(snapshot, room, user_id).await?;
    let name = member.and_then(|member| member.display_name);
    Ok(name.unwrap_or_else(|| user_id.to_string()))
}
