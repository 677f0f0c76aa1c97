//! `GET /room_summary/{roomIdOrAlias}`: how a room looks to somebody who thinks of joining it.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Room, RoomHead, Rooms, RoomsError, Snapshot};
use ruma::{
    OwnedRoomId, UInt, UserId,
    api::client::room::get_summary::v1::{Request, Response},
    events::{
        StateEventType,
        room::{
            encryption::RoomEncryptionEventContent, join_rules::RoomJoinRulesEventContent,
            member::MembershipState,
        },
    },
    room::{JoinRuleSummary, RoomSummary},
};

use super::access::named_room;
use crate::error::Error;

pub(crate) async fn get_summary(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let user_id = caller.as_ref().map(|caller| &*caller.user);
    let room = named_room(&rooms, &request.room_id_or_alias).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let summary = summary(&rooms, snapshot, &room).await?;
    let membership = match user_id {
        Some(user_id) => Some(membership(&rooms, snapshot, &room, user_id).await?),
        None => None,
    };
    if !may_know(&rooms, snapshot, &summary, user_id, membership.as_ref()).await? {
        return Err(RoomsError::NotFound("room").into());
    }
    let mut response = Response::new(summary);
    response.membership = membership;
    Ok(RumaResponse(response))
}

async fn membership(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: &Room,
    user_id: &UserId,
) -> Result<MembershipState, Error> {
    let row = rooms.membership(snapshot, room.nid(), user_id).await?;
    Ok(row.map_or(MembershipState::Leave, |row| row.value.state))
}

async fn summary(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: &Room,
) -> Result<RoomSummary, Error> {
    let head = rooms.head(snapshot, room.nid()).await?;
    let public = rooms.public_room(snapshot, room, &head).await?;
    let look = public.look;
    let mut summary = RoomSummary::new(
        public.room_id,
        join_rule(rooms, snapshot, room, &head).await?,
        look.guest_can_join,
        UInt::new_saturating(public.joined_members),
        look.world_readable,
    );
    summary.canonical_alias = look.canonical_alias.clone();
    summary.name = look.name.clone();
    summary.topic = look.topic.clone();
    summary.avatar_url = look.avatar_url.clone();
    summary.room_type = look.room_type.clone();
    summary.room_version = Some(room.version().clone());
    if look.encrypted {
        let (nid, key) = (room.nid(), StateEventType::RoomEncryption);
        let event = rooms.state_event(snapshot, nid, head.state, key, "").await?;
        let content =
            event.and_then(|event| event.pdu().content_as::<RoomEncryptionEventContent>());
        summary.encryption = content.map(|content| content.algorithm);
    }
    Ok(summary)
}

async fn join_rule(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: &Room,
    head: &RoomHead,
) -> Result<JoinRuleSummary, Error> {
    let key = StateEventType::RoomJoinRules;
    let event = rooms.state_event(snapshot, room.nid(), head.state, key, "").await?;
    let content = event.and_then(|event| event.pdu().content_as::<RoomJoinRulesEventContent>());
    Ok(content.map_or(JoinRuleSummary::Invite, |content| content.join_rule.into()))
}

/// Whether somebody may know about a room: members, invited users, and those who could join,
/// knock or read it.
async fn may_know(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    summary: &RoomSummary,
    user_id: Option<&UserId>,
    membership: Option<&MembershipState>,
) -> Result<bool, Error> {
    use JoinRuleSummary::{Knock, KnockRestricted, Public, Restricted};
    let is_member = matches!(membership, Some(MembershipState::Join | MembershipState::Invite));
    let is_open = matches!(summary.join_rule, Public | Knock | KnockRestricted(_));
    if is_member || is_open || summary.world_readable {
        return Ok(true);
    }
    match (&summary.join_rule, user_id) {
        (Restricted(restricted), Some(user_id)) => {
            is_in_any(rooms, snapshot, &restricted.allowed_room_ids, user_id).await
        }
        _ => Ok(false),
    }
}

async fn is_in_any(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room_ids: &[OwnedRoomId],
    user_id: &UserId,
) -> Result<bool, Error> {
    for room_id in room_ids {
        if let Some(room) = rooms.room(room_id).await?
            && rooms.is_joined(snapshot, room.nid(), user_id).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
