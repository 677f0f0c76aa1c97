//! `GET /mutual_rooms`: the rooms that the user shares with another (MSC2666).

use axum::extract::State;
use hearth_base::RoomNid;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use ruma::{
    OwnedRoomId, RoomId, UInt, UserId,
    api::client::membership::get_mutual_rooms::{unstable, v1},
};

use crate::error::Error;

/// Most rooms of one answer.
const ROOMS_MAX: usize = 1_000;

pub(crate) async fn get_mutual_rooms(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<v1::Request>,
) -> Result<RumaResponse<v1::Response>, Error> {
    let from = request.from.as_deref();
    let Page { joined, count, next } = page(&rooms, &caller.user, &request.user_id, from).await?;
    let mut response = v1::Response::new(count, joined);
    response.next_batch = next;
    Ok(RumaResponse(response))
}

/// As it was before it was specified: without the count.
pub(crate) async fn get_mutual_rooms_by_old_name(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<unstable::Request>,
) -> Result<RumaResponse<unstable::Response>, Error> {
    let from = request.from.as_deref();
    let Page { joined, next, .. } = page(&rooms, &caller.user, &request.user_id, from).await?;
    let mut response = unstable::Response::new(joined);
    response.next_batch = next;
    Ok(RumaResponse(response))
}

struct Page {
    joined: Vec<OwnedRoomId>,
    count: UInt,
    next: Option<String>,
}

async fn page(
    rooms: &Rooms,
    user_id: &UserId,
    other: &UserId,
    from: Option<&str>,
) -> Result<Page, Error> {
    if user_id == other {
        let reason = "you share all your rooms with yourself";
        return Err(RoomsError::InvalidParam(reason.to_owned()).into());
    }
    let after = match from {
        Some(token) => Some(after(rooms, token).await?),
        None => None,
    };
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let shared = rooms.mutual_rooms(snapshot, user_id, other).await?;
    let start = after.map_or(0, |after| shared.partition_point(|room| *room <= after));
    let mut joined = Vec::new();
    for nid in shared.iter().skip(start).take(ROOMS_MAX) {
        joined.push(rooms.room_by_nid(snapshot, *nid).await?.id().to_owned());
    }
    let is_last = shared.len() <= start + ROOMS_MAX;
    let next = joined.last().filter(|_| !is_last).map(ToString::to_string);
    Ok(Page { joined, count: UInt::try_from(shared.len()).unwrap_or(UInt::MAX), next })
}

/// A token is the last room of the page before.
async fn after(rooms: &Rooms, token: &str) -> Result<RoomNid, Error> {
    let unknown = || RoomsError::InvalidParam(format!("{token:?} is not a token of ours"));
    let room_id = RoomId::parse(token).map_err(|_| unknown())?;
    Ok(rooms.room(&room_id).await?.ok_or_else(unknown)?.nid())
}
