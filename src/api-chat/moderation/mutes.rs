//! Mutes and timeouts: who may read and not write for a while, and the standing that it costs.

use std::time::Duration;

use axum::extract::State;
use hearth_chat::MuteRequest;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    views::{Person, Timestamp, ids},
};

/// Longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

/// Refuses a reason that is too long.
pub(super) fn check_reason(faults: &mut Faults, reason: Option<&str>) {
    faults.optional_characters("reason", reason, 0..=REASON_CHARACTERS_MAX);
}

/// Who is to be muted.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewMute {
    /// Who.
    #[schema(value_type = ids::UserId)]
    user_id: OwnedUserId,
    /// For how long, in seconds; until somebody ends it if it is left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 31_536_000)]
    duration: Option<u64>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Validate for NewMute {
    fn validate(&self, faults: &mut Faults) {
        check_reason(faults, self.reason.as_deref());
    }
}

/// Who is to be muted for some minutes.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewTimeout {
    /// Who.
    #[schema(value_type = ids::UserId)]
    user_id: OwnedUserId,
    /// For how many minutes.
    #[schema(minimum = 2, maximum = 10)]
    minutes: u64,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Validate for NewTimeout {
    fn validate(&self, faults: &mut Faults) {
        check_reason(faults, self.reason.as_deref());
    }
}

/// Somebody who may read and not write.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mute {
    /// Who.
    user: Person,
    /// Who muted them.
    muted_by: Person,
    /// Why.
    reason: Option<String>,
    /// Since when.
    since: Timestamp,
    /// Until when; without it until somebody ends it.
    ends_at: Option<Timestamp>,
}

impl Mute {
    async fn new(api: &ChatApi, mute: hearth_chat::Mute) -> Result<Self, Problem> {
        Ok(Self {
            user: Person::load(api, &mute.user_id).await?,
            muted_by: Person::load(api, &mute.by).await?,
            reason: mute.reason,
            since: Timestamp::from_ms(mute.since_ms),
            ends_at: mute.ends_ms.map(Timestamp::from_ms),
        })
    }
}

/// Who is muted in a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mutes {
    /// The mutes.
    mutes: Vec<Mute>,
}

/// How somebody stands with the moderators.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    /// From 0 to 100: timeouts lower it, time restores it.
    standing: u32,
}

/// Mutes somebody who has less power in the room; a second mute replaces the first.
#[utoipa::path(
    post, path = "/rooms/{room_id}/mutes", tag = "moderation", request_body = NewMute,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 201, description = "The mute", body = Mute)),
)]
pub(crate) async fn mute(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(new): Json<NewMute>,
) -> Result<(StatusCode, Json<Mute>), Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let request = MuteRequest {
        sender: caller.user_id(),
        user_id: &new.user_id,
        duration: new.duration.map(Duration::from_secs),
        reason: new.reason.as_deref(),
    };
    let mute = api.chat.mute(&room, request).await?;
    Ok((StatusCode::CREATED, Json(Mute::new(&api, mute).await?)))
}

/// Mutes somebody for 2 to 10 minutes, which lowers their standing.
#[utoipa::path(
    post, path = "/rooms/{room_id}/timeouts", tag = "moderation", request_body = NewTimeout,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 201, description = "The mute", body = Mute)),
)]
pub(crate) async fn time_out(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(new): Json<NewTimeout>,
) -> Result<(StatusCode, Json<Mute>), Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let NewTimeout { user_id, minutes, reason } = new;
    let reason = reason.as_deref();
    let mute = api.chat.time_out(&room, caller.user_id(), &user_id, minutes, reason).await?;
    Ok((StatusCode::CREATED, Json(Mute::new(&api, mute).await?)))
}

/// Lists who is muted in a room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/mutes", tag = "moderation",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The mutes", body = Mutes)),
)]
pub(crate) async fn list_mutes(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Mutes>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let mut mutes = Vec::new();
    for mute in api.chat.mutes(&room, caller.user_id()).await? {
        mutes.push(Mute::new(&api, mute).await?);
    }
    Ok(Json(Mutes { mutes }))
}

/// Ends a mute.
#[utoipa::path(
    delete, path = "/rooms/{room_id}/mutes/{user_id}", tag = "moderation",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("user_id" = String, Path, description = "Who is muted"),
    ),
    responses((status = 204, description = "Ended")),
)]
pub(crate) async fn unmute(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, user_id)): Path<(OwnedRoomId, OwnedUserId)>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.unmute(&room, caller.user_id(), &user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows the standing of a member to those who moderate the room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/members/{user_id}/standing", tag = "moderation",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("user_id" = String, Path, description = "The member"),
    ),
    responses((status = 200, description = "The standing", body = Standing)),
)]
pub(crate) async fn get_standing(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, user_id)): Path<(OwnedRoomId, OwnedUserId)>,
) -> Result<Json<Standing>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let standing = api.chat.standing_of_member(&room, caller.user_id(), &user_id).await?;
    Ok(Json(Standing { standing }))
}
