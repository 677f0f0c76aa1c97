//! `POST /rooms`.

use axum::extract::State;
use hearth_rooms::CreateRoom;
use http::StatusCode;
use ruma::{OwnedUserId, api::client::room::create_room::v3::RoomPreset};
use serde::Deserialize;

use super::{
    direct::open_direct_room,
    list::room_for,
    new_room,
    settings::{ROOM_VERSION, check_texts, levels_with_roles},
};
use crate::{
    Caller, ChatApi, Faults, Json, Problem, Validate,
    invitees::{check_invitee, profile_of},
    views::{Room, RoomType},
};

/// Most people whom one request invites.
const INVITEES_MAX: usize = 100;

/// A new room.
#[derive(Deserialize)]
pub(crate) struct NewRoom {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(rename = "type")]
    room_type: RoomType,
    #[serde(default)]
    user_id: Option<OwnedUserId>,
    #[serde(default)]
    invite: Vec<OwnedUserId>,
}

impl Validate for NewRoom {
    fn validate(&self, faults: &mut Faults) {
        check_texts(faults, self.name.as_deref(), self.description.as_deref());
        if self.room_type == RoomType::Direct {
            faults.check("user_id", self.user_id.is_some(), "a direct room is with somebody");
        } else {
            faults.check("name", self.name.is_some(), "it is needed");
            faults.check("invite", self.invite.len() <= INVITEES_MAX, "there are too many");
        }
    }
}

/// Makes a room. A direct room that is there already is found again.
#[utoipa::path(
    post, path = "/rooms", tag = "rooms", request_body = new_room::NewRoom,
    responses(
        (status = 201, description = "The new room", body = Room),
        (status = 200, description = "The direct room that was there already", body = Room),
    ),
)]
pub(crate) async fn create_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Json(new): Json<NewRoom>,
) -> Result<(StatusCode, Json<Room>), Problem> {
    let user_id = caller.user_id();
    let (status, room_id) = match (new.room_type, &new.user_id) {
        (RoomType::Direct, Some(other)) => {
            let (is_new, room_id) = open_direct_room(&api, user_id, other).await?;
            (if is_new { StatusCode::CREATED } else { StatusCode::OK }, room_id)
        }
        _ => {
            let plan = plan(&api, &caller, new).await?;
            (StatusCode::CREATED, api.rooms.create_room(plan).await?.id().to_owned())
        }
    };
    Ok((status, Json(room_for(&api, user_id, &room_id).await?)))
}

async fn plan(api: &ChatApi, caller: &Caller, new: NewRoom) -> Result<CreateRoom, Problem> {
    let is_public = new.room_type == RoomType::Public;
    let creator = caller.user_id();
    let mut invite = Vec::with_capacity(new.invite.len());
    for user_id in new.invite {
        if user_id != creator && invite.iter().all(|(known, _)| *known != user_id) {
            check_invitee(api, creator, &user_id).await?;
            let profile = profile_of(api, &user_id).await?;
            invite.push((user_id, profile));
        }
    }
    Ok(CreateRoom {
        profile: profile_of(api, creator).await?,
        version: Some(ROOM_VERSION),
        preset: Some(if is_public { RoomPreset::PublicChat } else { RoomPreset::PrivateChat }),
        published: is_public,
        name: new.name,
        topic: new.description.filter(|description| !description.is_empty()),
        invite,
        power_levels: levels_with_roles(),
        ..CreateRoom::new(creator.to_owned())
    })
}
