//! `POST /createRoom` (specification, client-server API, "Creation").

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_base::limits::IDENTIFIER_BYTES_MAX;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{CreateRoom, Profile, Rooms, RoomsError};
use ruma::{
    OwnedRoomAliasId, OwnedUserId, RoomAliasId, UserId,
    api::client::room::{
        Visibility,
        create_room::v3::{Request, Response, RoomPreset},
    },
    events::{AnyInitialStateEvent, room::power_levels::RoomPowerLevelsEventContent},
    serde::Raw,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    access::{check_invitee, profile_of},
    invite::Host,
    upgrade::follow_upgrade,
};
use crate::error::Error;

/// Most users that one request invites.
const INVITES_MAX: usize = 200;
/// Most state events that a request brings.
const INITIAL_STATE_MAX: usize = 500;

type InitialState = (String, String, Value);

pub(crate) async fn create_room(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    host: Host,
    Ruma { mut request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let addresses = std::mem::take(&mut request.invite_3pid);
    host.check_addresses(&addresses)?;
    let plan = CreateRoom {
        profile: profile_of(&accounts, &caller.user).await?,
        version: request.room_version.clone(),
        creation_content: creation_content(&request)?,
        preset: known_preset(request.preset.as_ref())?,
        published: request.visibility == Visibility::Public,
        alias: alias(&rooms, request.room_alias_name.as_deref())?,
        invite: invitees(&accounts, &caller.user, &request).await?,
        is_direct: request.is_direct,
        initial_state: initial_state(&request.initial_state)?,
        power_levels: power_levels(&request)?,
        name: request.name,
        topic: request.topic,
        creator: caller.user.clone(),
    };
    match rooms.create_room(plan).await {
        Ok(room) => {
            follow_upgrade(&rooms, &accounts, &room, &caller.user).await;
            for address in addresses {
                host.invite_address(&room, &caller.user, address).await?;
            }
            Ok(RumaResponse(Response::new(room.id().to_owned())))
        }
        Err(RoomsError::Forbidden(reason)) => Err(Error::invalid_room_state(reason)),
        Err(error) => Err(error.into()),
    }
}

fn creation_content(request: &Request) -> Result<Map<String, Value>, Error> {
    let Some(content) = &request.creation_content else {
        return Ok(Map::new());
    };
    let content = object(content.json().get(), "creation_content")?;
    if let Some(creators) = content.get("additional_creators") {
        let are_user_ids = creators.as_array().is_some_and(|creators| {
            creators.iter().all(|id| id.as_str().is_some_and(|id| UserId::parse(id).is_ok()))
        });
        if !are_user_ids {
            return Err(invalid("additional_creators must be a list of user ids"));
        }
    }
    Ok(content)
}

fn known_preset(preset: Option<&RoomPreset>) -> Result<Option<RoomPreset>, Error> {
    use RoomPreset::{PrivateChat, PublicChat, TrustedPrivateChat};
    match preset {
        None | Some(PrivateChat | PublicChat | TrustedPrivateChat) => Ok(preset.cloned()),
        Some(other) => Err(invalid(&format!("there is no preset {other}"))),
    }
}

fn alias(rooms: &Rooms, localpart: Option<&str>) -> Result<Option<OwnedRoomAliasId>, Error> {
    let Some(localpart) = localpart else {
        return Ok(None);
    };
    let forbidden = |character: char| {
        matches!(character, ':' | '#') || character.is_whitespace() || character.is_control()
    };
    if localpart.is_empty() || localpart.contains(forbidden) {
        return Err(invalid("room_alias_name has characters that an alias must not have"));
    }
    let alias = format!("#{localpart}:{}", rooms.server_name());
    if alias.len() > IDENTIFIER_BYTES_MAX {
        return Err(invalid("room_alias_name is too long"));
    }
    let alias = RoomAliasId::parse(alias).map_err(|error| invalid(&error.to_string()))?;
    Ok(Some(alias))
}

async fn invitees(
    accounts: &Accounts,
    creator: &UserId,
    request: &Request,
) -> Result<Vec<(OwnedUserId, Profile)>, Error> {
    if request.invite.len() > INVITES_MAX {
        return Err(invalid(&format!("at most {INVITES_MAX} users can be invited at once")));
    }
    let mut invitees: Vec<(OwnedUserId, Profile)> = Vec::with_capacity(request.invite.len());
    for user_id in &request.invite {
        if user_id == creator {
            return Err(invalid("the creator of a room is not invited to it"));
        }
        if invitees.iter().all(|(known, _)| known != user_id) {
            check_invitee(accounts, creator, user_id).await?;
            invitees.push((user_id.clone(), profile_of(accounts, user_id).await?));
        }
    }
    Ok(invitees)
}

fn initial_state(events: &[Raw<AnyInitialStateEvent>]) -> Result<Vec<InitialState>, Error> {
    #[derive(Deserialize)]
    struct Event {
        r#type: String,
        #[serde(default)]
        state_key: String,
        content: Map<String, Value>,
    }
    if events.len() > INITIAL_STATE_MAX {
        let reason = format!("at most {INITIAL_STATE_MAX} events fit in initial_state");
        return Err(RoomsError::TooLarge(reason).into());
    }
    let parse = |event: &Raw<AnyInitialStateEvent>| {
        let Event { r#type, state_key, content } = serde_json::from_str(event.json().get())
            .map_err(|error| RoomsError::BadJson(format!("initial_state: {error}")))?;
        Ok((r#type, state_key, Value::Object(content)))
    };
    events.iter().map(parse).collect()
}

fn power_levels(request: &Request) -> Result<Map<String, Value>, Error> {
    let Some(levels) = &request.power_level_content_override else {
        return Ok(Map::new());
    };
    let json = levels.json().get();
    serde_json::from_str::<RoomPowerLevelsEventContent>(json)
        .map_err(|error| RoomsError::BadJson(format!("power_level_content_override: {error}")))?;
    object(json, "power_level_content_override")
}

fn object(json: &str, field: &str) -> Result<Map<String, Value>, Error> {
    let parsed = serde_json::from_str(json);
    Ok(parsed.map_err(|error| RoomsError::BadJson(format!("{field}: {error}")))?)
}

fn invalid(reason: &str) -> Error {
    RoomsError::InvalidParam(reason.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw<T>(value: &Value) -> Raw<T> {
        Raw::from_json(serde_json::value::to_raw_value(value).unwrap())
    }

    #[test]
    fn initial_state_needs_a_type_and_an_object() {
        let name = raw(&json!({ "type": "m.room.name", "content": { "name": "x" } }));
        let events = initial_state(&[name]).unwrap();
        assert_eq!(events[0].1, "");
        for bad in [
            json!({ "content": {} }),
            json!({ "type": "m.room.name" }),
            json!({ "type": "m.room.name", "content": 5 }),
            json!({ "type": "m.room.name", "state_key": 1, "content": {} }),
        ] {
            assert!(initial_state(&[raw(&bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn additional_creators_are_user_ids() {
        let mut request = Request::new();
        for (creators, good) in [
            (json!(["@a:example.org"]), true),
            (json!(["a"]), false),
            (json!("@a:example.org"), false),
            (json!([7]), false),
        ] {
            let content = json!({ "additional_creators": creators });
            request.creation_content = Some(raw(&content));
            assert_eq!(creation_content(&request).is_ok(), good, "{content}");
        }
    }

    #[test]
    fn an_unknown_preset_is_refused() {
        assert!(known_preset(None).unwrap().is_none());
        assert!(known_preset(Some(&RoomPreset::PublicChat)).is_ok());
        assert!(known_preset(Some(&RoomPreset::from("party"))).is_err());
    }
}
