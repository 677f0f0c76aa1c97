//! `PUT /rooms/{roomId}/state/{eventType}/{stateKey}`.

use axum::extract::State;
use hearth_bus::Bus;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{EventRequest, Rooms};
use ruma::{
    api::client::state::send_state_event::v3::{Request, Response},
    events::{StateEventType, TimelineEventType},
};

use super::{access::known_room, canonical_alias, send::massaged};
use crate::error::Error;

pub(crate) async fn send_state(
    State(rooms): State<Rooms>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let content = request.body.into_json();
    if request.event_type == StateEventType::RoomCanonicalAlias {
        canonical_alias::check(&rooms, &room, &content).await?;
    }
    let event = EventRequest {
        sender: caller.user.clone(),
        event_type: TimelineEventType::from(request.event_type.to_string()),
        state_key: Some(request.state_key),
        content,
        redacts: None,
        transaction: None,
        origin_server_ts: massaged(&caller, request.timestamp),
    };
    let sent = rooms.send(&room, event).await?;
    bus.presence().active(&caller.user);
    Ok(RumaResponse(Response::new(sent.event_id)))
}
