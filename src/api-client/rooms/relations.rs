//! `GET /rooms/{roomId}/relations/{eventId}`, and the same by relation type and event type.

use axum::extract::State;
use hearth_http::{Caller, Ruma, RumaResponse};
use hearth_rooms::{RelationQuery, Rooms};
use ruma::{
    EventId, RoomId, UInt,
    api::{
        Direction,
        client::relations::{
            get_relating_events as all, get_relating_events_with_rel_type as of_type,
            get_relating_events_with_rel_type_and_event_type as of_event_type,
        },
    },
    events::AnyMessageLikeEvent,
    serde::Raw,
};

use super::{access::known_room, render};
use crate::error::Error;

/// How many events a client gets that does not say.
const RELATIONS_DEFAULT: usize = 20;

pub(crate) async fn relations(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<all::v1::Request>,
) -> Result<RumaResponse<all::v1::Response>, Error> {
    let all::v1::Request { room_id, event_id, from, to, dir, limit, recurse, .. } = request;
    let query = query(from.as_deref(), to.as_deref(), dir, limit, recurse)?;
    let found = find(&rooms, &caller, &room_id, &event_id, &query).await?;
    let mut response = all::v1::Response::new(found.chunk);
    response.next_batch = found.next_batch;
    response.prev_batch = from;
    response.recursion_depth = found.recursion_depth;
    Ok(RumaResponse(response))
}

pub(crate) async fn relations_of_type(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<of_type::v1::Request>,
) -> Result<RumaResponse<of_type::v1::Response>, Error> {
    let of_type::v1::Request { room_id, event_id, from, to, dir, limit, recurse, .. } = request;
    let mut query = query(from.as_deref(), to.as_deref(), dir, limit, recurse)?;
    query.rel_type = Some(request.rel_type.to_string());
    let found = find(&rooms, &caller, &room_id, &event_id, &query).await?;
    let mut response = of_type::v1::Response::new(found.chunk);
    response.next_batch = found.next_batch;
    response.prev_batch = from;
    response.recursion_depth = found.recursion_depth;
    Ok(RumaResponse(response))
}

pub(crate) async fn relations_of_event_type(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<of_event_type::v1::Request>,
) -> Result<RumaResponse<of_event_type::v1::Response>, Error> {
    let of_event_type::v1::Request { room_id, event_id, from, to, dir, limit, recurse, .. } =
        request;
    let mut query = query(from.as_deref(), to.as_deref(), dir, limit, recurse)?;
    query.rel_type = Some(request.rel_type.to_string());
    query.event_type = Some(request.event_type.to_string());
    let found = find(&rooms, &caller, &room_id, &event_id, &query).await?;
    let mut response = of_event_type::v1::Response::new(found.chunk);
    response.next_batch = found.next_batch;
    response.prev_batch = from;
    response.recursion_depth = found.recursion_depth;
    Ok(RumaResponse(response))
}

/// What the three answers have in common.
struct Found {
    chunk: Vec<Raw<AnyMessageLikeEvent>>,
    next_batch: Option<String>,
    recursion_depth: Option<UInt>,
}

/// What the three requests have in common.
fn query(
    from: Option<&str>,
    to: Option<&str>,
    dir: Direction,
    limit: Option<UInt>,
    recurse: bool,
) -> Result<RelationQuery, Error> {
    Ok(RelationQuery {
        rel_type: None,
        event_type: None,
        from: from.map(str::parse).transpose()?,
        to: to.map(str::parse).transpose()?,
        direction: render::direction(dir),
        limit: limit.map_or(RELATIONS_DEFAULT, render::limit),
        recurse,
    })
}

async fn find(
    rooms: &Rooms,
    caller: &Caller,
    room_id: &RoomId,
    event_id: &EventId,
    query: &RelationQuery,
) -> Result<Found, Error> {
    let room = known_room(rooms, room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let page = rooms.relations(snapshot, &room, &caller.user, event_id, query).await?;
    let viewer = render::viewer(rooms, caller);
    Ok(Found {
        chunk: render::timeline(rooms, snapshot, &page.events, &viewer).await?,
        next_batch: page.next.map(|side| side.to_string()),
        recursion_depth: page.recursion_depth.and_then(|depth| UInt::try_from(depth).ok()),
    })
}
