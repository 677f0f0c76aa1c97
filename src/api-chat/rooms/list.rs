//! `GET /rooms` and `GET /rooms/{room_id}`.

use axum::extract::State;
use hearth_base::{EventNid, RoomNid};
use hearth_rooms::{LastSaid, Snapshot};
use ruma::{OwnedRoomId, UserId, events::room::member::MembershipState, room::JoinRuleKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate,
    invitees::leaves_out_invites,
    place::Place,
    views::{Room, RoomViews},
};

/// How many rooms an answer has if the client does not say.
const ROOMS_DEFAULT: usize = 50;
/// Most rooms of one answer.
const ROOMS_MAX: usize = 200;

/// Which of the user's rooms.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListRooms {
    /// `joined` for the rooms that the user is in, `invited` for those that they are invited to.
    #[serde(default)]
    #[param(inline)]
    membership: Wanted,
    /// How many rooms to leave out from the beginning of the list.
    #[serde(default)]
    offset: usize,
    /// How many rooms at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    #[default]
    Joined,
    Invited,
}

impl Validate for ListRooms {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, ROOMS_MAX);
    }
}

/// Refuses a `limit` of none or too many.
pub(crate) fn check_limit(faults: &mut Faults, limit: Option<usize>, most: usize) {
    if limit.is_some_and(|limit| limit == 0 || limit > most) {
        faults.add("limit", format!("it must be from 1 to {most}"));
    }
}

/// Rooms of the user.
#[derive(Serialize, ToSchema)]
pub(crate) struct RoomList {
    /// The rooms, the one in which something was said last first.
    rooms: Vec<Room>,
    /// How many there are altogether.
    total: usize,
}

/// The user's rooms, the one in which something was said last first.
#[utoipa::path(
    get, path = "/rooms", tag = "rooms", params(ListRooms),
    responses((status = 200, description = "The rooms", body = RoomList)),
)]
pub(crate) async fn list_rooms(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(query): Query<ListRooms>,
) -> Result<Json<RoomList>, Problem> {
    let (snapshot, user_id) = (api.rooms.snapshot().await?, caller.user_id());
    let snapshot = snapshot.as_ref();
    let mut listed = by_recency(&api, snapshot, user_id, query.membership).await?;
    let total = listed.len();
    let limit = query.limit.unwrap_or(ROOMS_DEFAULT);
    listed = listed.into_iter().skip(query.offset).take(limit).collect();
    let nids: Vec<_> = listed.iter().map(|(nid, _)| *nid).collect();
    let heads = api.rooms.heads(snapshot, &nids).await?;
    let last: Vec<_> = listed.iter().filter_map(|(_, said)| said.message).collect();
    let mut last = api.rooms.events(snapshot, &last).await?.into_iter();
    let views = RoomViews::new(&api, snapshot, user_id).await?;
    let mut rooms = Vec::with_capacity(listed.len());
    for ((nid, said), head) in listed.into_iter().zip(heads) {
        let room = api.rooms.room_by_nid(snapshot, nid).await?;
        let said = said.message.and_then(|_| last.next());
        let said = said.map(|event| event.pdu().origin_server_ts());
        rooms.push(match query.membership {
            Wanted::Joined => views.from_inside(&room, &head, said).await?,
            Wanted::Invited => views.from_outside(&room, &head).await?,
        });
    }
    Ok(Json(RoomList { rooms, total }))
}

async fn by_recency(
    api: &ChatApi,
    snapshot: &dyn Snapshot,
    user_id: &UserId,
    wanted: Wanted,
) -> Result<Vec<(RoomNid, LastSaid)>, Problem> {
    let wanted = match wanted {
        Wanted::Joined => MembershipState::Join,
        Wanted::Invited => MembershipState::Invite,
    };
    let memberships = api.rooms.memberships(snapshot, user_id).await?;
    let rows = memberships.into_iter().filter(|(_, row)| row.value.state == wanted);
    let rows: Vec<_> = rows.map(|(nid, row)| (nid, row.value.event)).collect();
    let nids = match wanted {
        MembershipState::Invite => shown_invites(api, snapshot, user_id, rows).await?,
        _ => rows.into_iter().map(|(nid, _)| nid).collect(),
    };
    let said = api.rooms.last_said(snapshot, &nids).await?;
    let mut listed: Vec<_> = nids.into_iter().zip(said).collect();
    listed.sort_unstable_by_key(|(nid, said)| (std::cmp::Reverse(said.position), *nid));
    Ok(listed)
}

/// The rooms of the invites that the user sees: none from whom they block.
async fn shown_invites(
    api: &ChatApi,
    snapshot: &dyn Snapshot,
    user_id: &UserId,
    invites: Vec<(RoomNid, EventNid)>,
) -> Result<Vec<RoomNid>, Problem> {
    let events: Vec<_> = invites.iter().map(|(_, event)| *event).collect();
    let events = api.rooms.events(snapshot, &events).await?;
    let mut shown = Vec::with_capacity(invites.len());
    for ((room, _), event) in invites.into_iter().zip(events) {
        if !leaves_out_invites(api, user_id, event.pdu().sender()).await? {
            shown.push(room);
        }
    }
    Ok(shown)
}

/// A room: of the user's own, one they are invited to, or a public one.
#[utoipa::path(
    get, path = "/rooms/{room_id}", tag = "rooms",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The room", body = Room)),
)]
pub(crate) async fn get_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Room>, Problem> {
    Ok(Json(room_for(&api, caller.user_id(), &room_id).await?))
}

/// A room as a user sees it, whether they are in it or may only know of it.
pub(super) async fn room_for(
    api: &ChatApi,
    user_id: &UserId,
    room_id: &OwnedRoomId,
) -> Result<Room, Problem> {
    let place = Place::find(api, room_id).await?;
    let snapshot = place.snapshot.as_ref();
    let views = RoomViews::new(api, snapshot, user_id).await?;
    let membership = api.rooms.membership(snapshot, place.room.nid(), user_id).await?;
    match membership.map(|row| row.value.state) {
        Some(MembershipState::Join) => views.one(&place.room, &place.head).await,
        Some(MembershipState::Invite) => views.from_outside(&place.room, &place.head).await,
        _ => {
            let look = api.rooms.look(snapshot, &place.room, &place.head).await?;
            if look.join_rule != Some(JoinRuleKind::Public) {
                return Err(Problem::forbidden("you are not a member of this room"));
            }
            views.from_outside(&place.room, &place.head).await
        }
    }
}
