//! `DELETE /rooms/{room_id}`.
//!
//! Matrix rooms are not deleted: they are left. So everybody is shown out, the owner last, and the
//! door is shut behind them. If it does not end, the owner is still there and can ask again.

use axum::extract::State;
use hearth_base::limits::ROOM_GROUP_EVENTS_MAX;
use hearth_rooms::EventRequest;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, UserId};
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
    place.check_role(&api, owner, Role::Owner).await?;
    api.rooms.set_published(&place.room, false).await?;
    let shut = state_event(owner, "m.room.join_rules", &join_rules(RoomType::Private))?;
    api.rooms.send(&place.room, shut).await?;
    show_out(&api, &place, owner).await?;
    api.rooms.leave(&place.room, owner, Some(REASON)).await?;
    api.rooms.forget(&place.room, owner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes all members but one, some at a time.
async fn show_out(api: &ChatApi, place: &Place, owner: &UserId) -> Result<(), Problem> {
    loop {
        let snapshot = api.rooms.snapshot().await?;
        let members = api.rooms.members(snapshot.as_ref(), place.room.nid()).await?;
        let present = members.into_iter().filter(|(user, member)| {
            user != owner && matches!(member.state.as_str(), "join" | "invite" | "knock")
        });
        let leaving: Vec<OwnedUserId> =
            present.map(|(user, _)| user).take(ROOM_GROUP_EVENTS_MAX).collect();
        if leaving.is_empty() {
            return Ok(());
        }
        let content = json!({ "membership": "leave", "reason": REASON });
        let event = |user: OwnedUserId| -> Result<EventRequest, Problem> {
            let event = state_event(owner, "m.room.member", &content)?;
            Ok(EventRequest { state_key: Some(user.into()), ..event })
        };
        let events = leaving.into_iter().map(event).collect::<Result<_, _>>()?;
        api.rooms.send_all(&place.room, events).await?;
    }
}
