//! `POST /rooms/{roomId}/read_markers`: the fully-read marker, and receipts along with it.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{ReceiptKind, ReceiptThread, Room, Rooms};
use ruma::{
    EventId, UserId,
    api::client::read_marker::set_read_marker::v3::{Request, Response},
};

use super::access::{known_room, not_in_room};
use crate::error::Error;

pub(crate) async fn set_read_markers(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let user_id = &caller.user;
    let room = known_room(&rooms, &request.room_id).await?;
    if let Some(event_id) = &request.fully_read {
        set_fully_read(&rooms, &accounts, &room, user_id, event_id).await?;
    }
    let receipts = [
        (ReceiptKind::Read, &request.read_receipt),
        (ReceiptKind::ReadPrivate, &request.private_read_receipt),
    ];
    for (kind, event_id) in receipts {
        if let Some(event_id) = event_id {
            let thread = ReceiptThread::Unthreaded;
            rooms.set_receipt(&room, user_id, kind, &thread, event_id).await?;
        }
    }
    bus.presence().active(user_id);
    Ok(RumaResponse(Response::new()))
}

/// Moves a user's `m.fully_read` marker to an event that the user may see.
pub(super) async fn set_fully_read(
    rooms: &Rooms,
    accounts: &Accounts,
    room: &Room,
    user_id: &UserId,
    event_id: &EventId,
) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    if !rooms.is_joined(snapshot.as_ref(), room.nid(), user_id).await? {
        return Err(not_in_room().into());
    }
    rooms.visible_event(snapshot.as_ref(), room, event_id, user_id).await?;
    Ok(accounts.set_fully_read(user_id, room.id(), event_id).await?)
}
