//! `GET /rooms/{room_id}/members`.

use axum::extract::State;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate, place::Place,
    rooms::check_limit, views::Member,
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
    #[param(value_type = Option<String>)]
    after: Option<OwnedUserId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
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
    let after = query.after.as_deref();
    let mut found = api.rooms.joined_members(snapshot, room.nid(), after, limit + 1).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let levels = place.levels(&api).await?;
    let members = Member::load(&api, snapshot, room, &levels, found).await?;
    Ok(Json(MemberList { members, total: place.head.joined_members, has_more }))
}
