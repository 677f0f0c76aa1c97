//! `DELETE /rooms/{room_id}`.
//!
//! Matrix rooms are not deleted: they are left. So everybody is shown out, the owner last, and the
//! door is shut behind them. Whom the owner has no power over, other owners for one, leaves by
//! themselves: this server can say so for its own users. If there is somebody of another server
//! whom nobody here can remove, nothing changes. If it does not end, the owner is still there and
//! can ask again.

use axum::extract::State;
use hearth_base::limits::ROOM_GROUP_EVENTS_MAX;
use hearth_rooms::EventRequest;
use hearth_rules::PowerLevels;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::json;

use super::settings::join_rules;
use crate::{
    Caller, ChatApi, Path, Problem,
    place::{Place, state_event},
    views::{Role, RoomType},
};

/// What is said to those who are shown out.
const REASON: &str = "the room was deleted";

/// Deletes a room; for its owner.
#[utoipa::path(
    delete, path = "/rooms/{room_id}", tag = "rooms",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<StatusCode, Problem> {
    let owner = caller.user_id();
    let place = Place::joined(&api, &room_id, owner).await?;
    let levels = place.check_role(&api, owner, Role::Owner).await?;
    // Before anything changes: whether all who are there can be shown out.
    for user_id in present(&api, &place, owner).await? {
        show_out(&api, &levels, owner, user_id)?;
    }
    let shut = state_event(owner, "m.room.join_rules", &join_rules(RoomType::Private))?;
    api.rooms.send(&place.room, shut).await?;
    api.rooms.set_published(&place.room, false).await?;
    show_all_out(&api, &room_id, owner).await?;
    api.rooms.leave(&place.room, owner, Some(REASON)).await?;
    api.rooms.forget(&place.room, owner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the membership of everybody but the owner, some at a time.
async fn show_all_out(api: &ChatApi, room_id: &RoomId, owner: &UserId) -> Result<(), Problem> {
    loop {
        let place = Place::find(api, room_id).await?;
        let mut leaving = present(api, &place, owner).await?;
        if leaving.is_empty() {
            return Ok(());
        }
        leaving.truncate(ROOM_GROUP_EVENTS_MAX);
        let levels = place.levels(api).await?;
        let event = |user_id| show_out(api, &levels, owner, user_id);
        let events = leaving.into_iter().map(event).collect::<Result<_, _>>()?;
        api.rooms.send_all(&place.room, events).await?;
    }
}

/// Who else is in a room, or is about to be.
async fn present(
    api: &ChatApi,
    place: &Place,
    owner: &UserId,
) -> Result<Vec<OwnedUserId>, Problem> {
    let members = api.rooms.members(place.snapshot.as_ref(), place.room.nid()).await?;
    let present = members.into_iter().filter(|(user_id, member)| {
        user_id != owner && matches!(member.state.as_str(), "join" | "invite" | "knock")
    });
    Ok(present.map(|(user_id, _)| user_id).collect())
}

/// The event that ends a membership: the owner's if they may, and otherwise the member's own.
fn show_out(
    api: &ChatApi,
    levels: &PowerLevels,
    owner: &UserId,
    user_id: OwnedUserId,
) -> Result<EventRequest, Problem> {
    let power = levels.user(owner);
    let sender = if power >= levels.kick() && power > levels.user(&user_id) {
        owner
    } else if api.accounts.is_local(&user_id) {
        &user_id
    } else {
        let detail = format!("{user_id} is of another server and has as much power as you");
        return Err(Problem::new(StatusCode::CONFLICT, "cannot-remove", detail));
    };
    let content = json!({ "membership": "leave", "reason": REASON });
    let event = state_event(sender, "m.room.member", &content)?;
    Ok(EventRequest { state_key: Some(user_id.into()), ..event })
}
