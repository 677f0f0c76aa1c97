//! `GET /rooms/{room_id}/members`.

use axum::extract::State;
use hearth_rooms::Member as MatrixMember;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate,
    place::Place,
    rooms::check_limit,
    views::{Member, Status, ids},
};

/// How many members an answer has if the client does not say.
const MEMBERS_DEFAULT: usize = 100;
/// Most members of one answer.
const MEMBERS_MAX: usize = 500;

/// Which members.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListMembers {
    /// The user after whom to go on.
    #[param(value_type = Option<ids::UserId>)]
    after: Option<OwnedUserId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// Whether only those are wanted who are there now.
    #[serde(default)]
    present: bool,
}

impl Validate for ListMembers {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, MEMBERS_MAX);
    }
}

/// Members of a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberList {
    /// The members by id.
    members: Vec<Member>,
    /// How many there are altogether.
    total: u64,
    /// Whether there are more after these.
    has_more: bool,
}

/// The members of a room, by id.
#[utoipa::path(
    get, path = "/rooms/{room_id}/members", tag = "rooms",
    params(("room_id" = String, Path, description = "The room"), ListMembers),
    responses((status = 200, description = "The members", body = MemberList)),
)]
pub(crate) async fn list_members(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Query(query): Query<ListMembers>,
) -> Result<Json<MemberList>, Problem> {
    let place = Place::joined(&api, &room_id, caller.user_id()).await?;
    let (snapshot, room) = (place.snapshot.as_ref(), &place.room);
    let limit = query.limit.unwrap_or(MEMBERS_DEFAULT);
    let mut found = match query.present {
        true => present_members(&api, &place, query.after, limit + 1).await?,
        false => {
            let after = query.after.as_deref();
            api.rooms.joined_members(snapshot, room.nid(), after, limit + 1).await?
        }
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    let levels = place.levels(&api).await?;
    let members = Member::load(&api, snapshot, room, &levels, found).await?;
    Ok(Json(MemberList { members, total: place.head.joined_members, has_more }))
}

/// Up to `limit` members who are there now.
async fn present_members(
    api: &ChatApi,
    place: &Place,
    mut after: Option<OwnedUserId>,
    limit: usize,
) -> Result<Vec<(OwnedUserId, MatrixMember)>, Problem> {
    let (snapshot, nid) = (place.snapshot.as_ref(), place.room.nid());
    let mut present = Vec::new();
    loop {
        let after_id = after.as_deref();
        let page = api.rooms.joined_members(snapshot, nid, after_id, MEMBERS_MAX).await?;
        let is_last = page.len() < MEMBERS_MAX;
        after = page.last().map(|(user, _)| user.clone());
        let there = page
            .into_iter()
            .filter(|(user, _)| Status::of(&api.bus.presence().get(user)) != Status::Offline);
        present.extend(there);
        if is_last || present.len() >= limit {
            present.truncate(limit);
            return Ok(present);
        }
    }
}
