//! What an `m.room.canonical_alias` may name: aliases that lead to its room.
//!
//! Aliases that the present event names already are not looked at again: one of them may be gone,
//! and the others must stay changeable.

use hearth_http::ApiError;
use hearth_rooms::{Room, Rooms, RoomsError};
use ruma::{OwnedRoomAliasId, api::error::ErrorCode, events::StateEventType};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Error;

/// Most alternative aliases that one event names.
const ALIASES_MAX: usize = 100;

#[derive(Default, Deserialize)]
struct Content {
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    alt_aliases: Vec<String>,
}

impl Content {
    fn aliases(&self) -> impl Iterator<Item = &String> {
        // An empty alias takes the present one away.
        self.alias.iter().filter(|alias| !alias.is_empty()).chain(&self.alt_aliases)
    }
}

/// Refuses a content that newly names what is not an alias of the room.
pub(super) async fn check(rooms: &Rooms, room: &Room, content: &RawValue) -> Result<(), Error> {
    let content: Content = serde_json::from_str(content.get())
        .map_err(|error| RoomsError::InvalidParam(error.to_string()))?;
    if content.alt_aliases.len() > ALIASES_MAX {
        return Err(RoomsError::InvalidParam("too many aliases".to_owned()).into());
    }
    let present = present(rooms, room).await?;
    for alias in content.aliases() {
        if present.aliases().any(|known| known == alias) {
            continue;
        }
        let alias = OwnedRoomAliasId::try_from(alias.as_str())
            .map_err(|_| RoomsError::InvalidParam(format!("{alias:?} is not an alias")))?;
        let target = rooms.resolve_alias(&alias).await?;
        if target.is_none_or(|target| target.nid() != room.nid()) {
            let reason = format!("{alias} does not lead to this room");
            return Err(ApiError::bad_request(ErrorCode::BadAlias, reason).into());
        }
    }
    Ok(())
}

async fn present(rooms: &Rooms, room: &Room) -> Result<Content, Error> {
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let state = rooms.head(snapshot, room.nid()).await?.state;
    let key = StateEventType::RoomCanonicalAlias;
    let event = rooms.state_event(snapshot, room.nid(), state, key, "").await?;
    Ok(event.and_then(|event| event.pdu().content_as()).unwrap_or_default())
}
