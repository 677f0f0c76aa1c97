//! `PATCH /rooms/{room_id}/members/{user_id}/role`.

use axum::extract::State;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, UserId, events::StateEventType};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    place::Place,
    views::{Member, Role},
};

/// A role to be.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RoleChange {
    /// What the member may do from now on; who was muted no longer is. Who makes another member
    /// owner becomes admin.
    role: Role,
}

impl Validate for RoleChange {
    fn validate(&self, _: &mut Faults) {}
}

/// Changes the role of a member, or hands the room over; for its owner.
#[utoipa::path(
    patch, path = "/rooms/{room_id}/members/{user_id}/role", tag = "rooms",
    request_body = RoleChange,
    params(
        ("room_id" = String, Path, description = "The room"),
        ("user_id" = String, Path, description = "The user"),
    ),
    responses((status = 200, description = "The member", body = Member)),
)]
pub(crate) async fn change_role(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, user_id)): Path<(OwnedRoomId, OwnedUserId)>,
    Json(RoleChange { role }): Json<RoleChange>,
) -> Result<Json<Member>, Problem> {
    let owner = caller.user_id();
    let place = Place::joined(&api, &room_id, owner).await?;
    place.check_role(&api, owner, Role::Owner).await?;
    if owner == user_id && role != Role::Owner {
        let detail = "make another member owner instead";
        return Err(Problem::new(StatusCode::CONFLICT, "only-owner", detail));
    }
    let (snapshot, room) = (place.snapshot.as_ref(), &place.room);
    if !api.rooms.is_joined(snapshot, room.nid(), &user_id).await? {
        return Err(Problem::not_found("this user is not a member"));
    }
    if owner != user_id {
        let change = |levels: &mut Map<String, Value>| {
            set_level(levels, &user_id, role);
            if role == Role::Owner {
                set_level(levels, owner, Role::Admin);
            }
            Ok(())
        };
        let levels = StateEventType::RoomPowerLevels;
        api.rooms.change_state(room, owner, levels, "", change).await?;
        api.chat.forget_mute(room, &user_id).await?;
    }
    let place = Place::find(&api, &room_id).await?;
    let snapshot = place.snapshot.as_ref();
    let member = api.rooms.member(snapshot, room.nid(), &user_id).await?;
    let gone = || Problem::not_found("this user is not a member");
    let member = vec![(user_id, member.ok_or_else(gone)?)];
    let levels = place.levels(&api).await?;
    let members = Member::load(&api, snapshot, room, &levels, member).await?;
    Ok(Json(members.into_iter().next().ok_or_else(gone)?))
}

fn set_level(levels: &mut Map<String, Value>, user_id: &UserId, role: Role) {
    let users = levels.entry("users").or_insert_with(|| json!({}));
    if let Some(users) = users.as_object_mut() {
        users.insert(user_id.to_string(), role.level().into());
    }
}
