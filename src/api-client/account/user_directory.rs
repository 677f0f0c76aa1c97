//! `POST /user_directory/search`: users with whom the searcher shares a room, and users in rooms
//! that everybody may join or read. Nobody finds themselves.

use axum::extract::State;
use hearth_accounts::{Accounts, DirectoryEntry};
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::{
    UserId,
    api::client::user_directory::search_users::v3::{Request, Response, User},
    events::room::member::MembershipState,
    room::JoinRuleKind,
};

use crate::error::Error;

/// Most users in one answer.
const RESULTS_MAX: usize = 50;
/// Most users that are considered for one answer.
const CANDIDATES_MAX: usize = 500;
/// Most rooms of a user that are looked at in search of a public one.
const ROOMS_LOOKED_AT_MAX: usize = 50;

pub(crate) async fn search_users(
    State(accounts): State<Accounts>,
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let limit = usize::try_from(u64::from(request.limit)).unwrap_or(RESULTS_MAX);
    let limit = limit.min(RESULTS_MAX);
    let mut results = Vec::new();
    let mut limited = false;
    for entry in accounts.search_users(&request.search_term, CANDIDATES_MAX).await? {
        let is_searcher = entry.user == caller.user;
        if is_searcher || !is_visible(&rooms, &caller.user, &entry.user).await? {
            continue;
        }
        if results.len() == limit {
            limited = true;
            break;
        }
        results.push(rendered(entry));
    }
    Ok(RumaResponse(Response::new(results, limited)))
}

async fn is_visible(rooms: &Rooms, searcher: &UserId, user: &UserId) -> Result<bool, Error> {
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if rooms.share_a_room(snapshot, searcher, user).await? {
        return Ok(true);
    }
    let memberships = rooms.memberships(snapshot, user).await?;
    let joined = memberships.iter().filter(|(_, row)| row.value.state == MembershipState::Join);
    for (nid, _) in joined.take(ROOMS_LOOKED_AT_MAX) {
        let room = rooms.room_by_nid(snapshot, *nid).await?;
        let head = rooms.head(snapshot, *nid).await?;
        let look = rooms.public_room(snapshot, &room, &head).await?.look;
        if look.world_readable || look.join_rule == Some(JoinRuleKind::Public) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn rendered(entry: DirectoryEntry) -> User {
    let mut user = User::new(entry.user);
    user.display_name = entry.displayname;
    user.avatar_url = entry.avatar_url;
    user
}
