//! `GET /rooms/{roomId}/members` and `GET /rooms/{roomId}/joined_members`.

use axum::{Json, extract::State};
use hearth_base::StreamPosition;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Direction, Event, Room, Rooms, RoomsError, Side, Snapshot};
use ruma::{
    UserId,
    api::client::membership::{get_member_events, joined_members},
    events::room::member::MembershipState,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    access::{known_room, not_in_room},
    render,
};
use crate::error::Error;

/// The events with which a room begins: its creation, and its creator's joining.
const FIRST_EVENTS: usize = 2;

pub(crate) async fn members(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<get_member_events::v3::Request>,
) -> Result<RumaResponse<get_member_events::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let mut state = rooms.readable_state(snapshot, &room, &caller.user).await?;
    if let Some(at) = &request.at {
        let last = last_visible(&rooms, snapshot, &room, &caller.user, at.parse()?).await?;
        state = last.map(|event| event.state_after()).unwrap_or_default();
    }
    let mut members = rooms.state_members(snapshot, room.nid(), state).await?;
    let (is, is_not) = (request.membership.as_ref(), request.not_membership.as_ref());
    members.retain(|event| passes(&membership_of(event), is, is_not));
    let viewer = render::viewer(&rooms, &caller);
    let chunk = render::state(&rooms, snapshot, &members, &viewer).await?;
    Ok(RumaResponse(get_member_events::v3::Response::new(chunk)))
}

pub(crate) async fn joined_members(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<joined_members::v3::Request>,
) -> Result<Json<Value>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if !rooms.is_joined(snapshot, room.nid(), &caller.user).await? {
        return Err(not_in_room().into());
    }
    let mut joined = Map::new();
    for (user_id, member) in rooms.members(snapshot, room.nid()).await? {
        if member.state == MembershipState::Join {
            // Clients rely on both keys; ruma's type would leave out what is not set.
            let shown = json!({
                "display_name": member.display_name,
                "avatar_url": member.avatar_url,
            });
            joined.insert(user_id.to_string(), shown);
        }
    }
    Ok(Json(json!({ "joined": joined })))
}

/// The event that ends the timeline at a place: of those who left, no later than their leaving.
async fn last_visible(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: &Room,
    user_id: &UserId,
    at: Side,
) -> Result<Option<Event>, Error> {
    let present = rooms.membership(snapshot, room.nid(), user_id).await?;
    let upto = match present {
        Some(row) if row.value.state != MembershipState::Join => at.0.min(row.position),
        _ => at.0,
    };
    let (start, backward) = (StreamPosition::MIN, Direction::Backward);
    let mut last = rooms.timeline(snapshot, room.nid(), start, upto, backward, 1).await?;
    if last.is_empty() {
        // Before the first event nobody is there; the client means the beginning of the room.
        let (end, forward) = (snapshot.position(), Direction::Forward);
        last = rooms.timeline(snapshot, room.nid(), start, end, forward, FIRST_EVENTS).await?;
    }
    let Some(event) = last.pop() else {
        return Ok(None);
    };
    if rooms.visibility(snapshot, room, user_id).await?.may_see(&event).await? {
        Ok(Some(event))
    } else {
        Err(RoomsError::Forbidden("you may not see the room at that time".to_owned()).into())
    }
}

fn membership_of(event: &Event) -> MembershipState {
    #[derive(Deserialize)]
    struct Content {
        membership: MembershipState,
    }
    let content = event.pdu().content_as::<Content>();
    content.map_or(MembershipState::Leave, |content| content.membership)
}

/// Two conditions at once mean that one of them is enough.
fn passes(
    membership: &MembershipState,
    is: Option<&MembershipState>,
    is_not: Option<&MembershipState>,
) -> bool {
    match (is, is_not) {
        (None, None) => true,
        (Some(is), None) => membership == is,
        (None, Some(is_not)) => membership != is_not,
        (Some(is), Some(is_not)) => membership == is || membership != is_not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_joined_by_or() {
        let (join, leave) = (MembershipState::Join, MembershipState::Leave);
        assert!(passes(&join, None, None));
        assert!(passes(&join, Some(&join), None) && !passes(&leave, Some(&join), None));
        assert!(passes(&join, None, Some(&leave)) && !passes(&leave, None, Some(&leave)));
        assert!(passes(&leave, Some(&leave), Some(&leave)));
        assert!(passes(&join, Some(&leave), Some(&leave)));
    }
}
