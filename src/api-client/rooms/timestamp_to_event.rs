//! `GET /rooms/{roomId}/timestamp_to_event`.
//!
//! The timeline is searched as if its clocks never went back; where they did, the answer is an
//! event nearby.

use axum::extract::State;
use hearth_base::StreamPosition;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Direction, Event, Room, Rooms, RoomsError, Side, Snapshot};
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::client::room::get_event_by_timestamp::v1::{Request, Response},
};

use super::{access::known_room, render};
use crate::error::Error;

pub(crate) async fn timestamp_to_event(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let (snapshot, user_id, ts) = (snapshot.as_ref(), &caller.user, request.ts);
    rooms.readable_state(snapshot, &room, user_id).await?;
    let direction = render::direction(request.dir);
    let (boundary, wanted): (_, &(dyn Fn(&Event) -> bool + Sync)) = match direction {
        Direction::Forward => (ts, &|event| event.pdu().origin_server_ts() >= ts),
        Direction::Backward => (after(ts), &|event| event.pdu().origin_server_ts() <= ts),
    };
    let from = place_of(&rooms, snapshot, &room, boundary).await?;
    let page = rooms.page(snapshot, &room, user_id, from, None, direction, 1, wanted).await?;
    let found = page.events.first().ok_or(RoomsError::NotFound("event"))?.pdu();
    let event_id = found.event_id().to_owned();
    Ok(RumaResponse(Response::new(event_id, found.origin_server_ts())))
}

fn after(ts: MilliSecondsSinceUnixEpoch) -> MilliSecondsSinceUnixEpoch {
    MilliSecondsSinceUnixEpoch(ts.get().saturating_add(UInt::from(1_u8)))
}

/// The place after all events that are older than `ts`.
async fn place_of(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: &Room,
    ts: MilliSecondsSinceUnixEpoch,
) -> Result<Side, Error> {
    let (nid, forward) = (room.nid(), Direction::Forward);
    let mut high = rooms.end(snapshot, nid).await?.0;
    let first = rooms.timeline(snapshot, nid, StreamPosition::MIN, high, forward, 1).await?;
    let mut low = first.first().map_or(high, |first| first.position().previous());
    // Everything up to `low` is older; the first event after `high` is not.
    while low < high {
        let middle = StreamPosition(low.0 + (high.0 - low.0) / 2);
        let next = rooms.timeline(snapshot, nid, middle, high, forward, 1).await?;
        match next.first() {
            Some(event) if event.pdu().origin_server_ts() < ts => low = event.position(),
            _ => high = middle,
        }
    }
    Ok(Side(low))
}
