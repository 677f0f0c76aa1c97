//! `PUT /rooms/{roomId}/state/{eventType}/{stateKey}`, at once or later.

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response as HttpResponse},
};
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{EventRequest, Manner, Rooms};
use ruma::{
    api::client::{
        delayed_events::delayed_state_event,
        state::send_state_event::v3::{Request, Response},
    },
    events::{StateEventType, TimelineEventType},
};
use tokio_util::task::TaskTracker;

use super::{
    access::known_room,
    canonical_alias,
    delayed_events::delay_of,
    guests::{lets_guests_in, send_guests_away},
    member_state,
    send::massaged,
};
use crate::error::Error;

pub(crate) async fn send_state(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    State(tasks): State<TaskTracker>,
    RawQuery(query): RawQuery,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<HttpResponse, Error> {
    let delay = delay_of(query.as_deref())?;
    let room = known_room(&rooms, &request.room_id).await?;
    let mut content = request.body.into_json();
    if request.event_type == StateEventType::RoomCanonicalAlias {
        canonical_alias::check(&rooms, &room, &content).await?;
    }
    if request.event_type == StateEventType::RoomMember {
        member_state::check(&rooms, &accounts, &room, &caller.user, &request.state_key, &content)
            .await?;
        content = member_state::without_voucher(content);
    }
    let shuts_guests_out =
        request.event_type == StateEventType::RoomGuestAccess && !lets_guests_in(&content);
    let event = EventRequest {
        sender: caller.user.clone(),
        event_type: TimelineEventType::from(request.event_type.to_string()),
        state_key: Some(request.state_key),
        content,
        redacts: None,
        transaction: None,
        origin_server_ts: massaged(&caller, request.timestamp),
    };
    let manner = Manner::sticky(request.sticky_duration_ms.map(Into::into));
    bus.presence().active(&caller.user);
    if let Some(delay) = delay {
        let delay_id = rooms.delay(&room, event, &manner, delay).await?;
        let response = delayed_state_event::unstable::Response::new(delay_id);
        return Ok(RumaResponse(response).into_response());
    }
    let sent = rooms.send_in(&room, event, manner).await?;
    if shuts_guests_out {
        tasks.spawn(send_guests_away(accounts, rooms, room));
    }
    Ok(RumaResponse(Response::new(sent.event_id)).into_response())
}
