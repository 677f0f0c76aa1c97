//! `PUT /rooms/{roomId}/redact/{eventId}/{txnId}`.

use axum::extract::State;
use hearth_bus::Bus;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_rooms::{EventRequest, Room, Rooms, RoomsError};
use http::StatusCode;
use ruma::{
    EventId, UserId,
    api::{
        client::redact::redact_event::v3::{Request, Response},
        error::ErrorCode,
    },
    events::TimelineEventType,
};
use serde_json::{json, value::to_raw_value};

use super::{access::known_room, send::transaction};
use crate::error::Error;

pub(crate) async fn redact(
    State(rooms): State<Rooms>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    if caller.is_suspended {
        check_own(&rooms, &room, &request.event_id, &caller.user).await?;
    }
    let scope = format!("redact/{}/{}", request.room_id, request.event_id);
    let content = request.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let event = EventRequest {
        sender: caller.user.clone(),
        event_type: TimelineEventType::RoomRedaction,
        state_key: None,
        content: to_raw_value(&content).map_err(|error| RoomsError::BadJson(error.to_string()))?,
        redacts: Some(request.event_id),
        transaction: Some(transaction(&caller, scope, request.txn_id)?),
        origin_server_ts: None,
    };
    let sent = rooms.send(&room, event).await?;
    bus.presence().active(&caller.user);
    Ok(RumaResponse(Response::new(sent.event_id)))
}

/// Refuses a suspended user's redaction of what somebody else sent (specification, "Account
/// suspension").
async fn check_own(
    rooms: &Rooms,
    room: &Room,
    event_id: &EventId,
    user_id: &UserId,
) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    let target = rooms.visible_event(snapshot.as_ref(), room, event_id, user_id).await?;
    if target.pdu().sender() == user_id {
        return Ok(());
    }
    let message = "suspended users may redact only what they sent";
    Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::UserSuspended, message).into())
}
