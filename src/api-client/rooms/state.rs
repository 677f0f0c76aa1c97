//! `GET /rooms/{roomId}/state` and `GET /rooms/{roomId}/state/{eventType}/{stateKey}`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use ruma::{
    api::client::state::{
        get_state_event_for_key::{self, v3::StateEventFormat},
        get_state_events,
    },
    events::AnyStateEvent,
    serde::Raw,
};

use super::{access::known_room, render};
use crate::error::Error;

pub(crate) async fn get_state(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<get_state_events::v3::Request>,
) -> Result<RumaResponse<get_state_events::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let state = rooms.readable_state(snapshot, &room, &caller.user).await?;
    let mut events = rooms.state_without_members(snapshot, room.nid(), state).await?;
    events.extend(rooms.state_members(snapshot, room.nid(), state).await?);
    let viewer = render::viewer(&rooms, &caller);
    let events = render::state(&rooms, snapshot, &events, &viewer).await?;
    Ok(RumaResponse(get_state_events::v3::Response::new(events)))
}

pub(crate) async fn get_state_event(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<get_state_event_for_key::v3::Request>,
) -> Result<RumaResponse<get_state_event_for_key::v3::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let state = rooms.readable_state(snapshot, &room, &caller.user).await?;
    let (event_type, state_key) = (request.event_type, &request.state_key);
    let event = rooms.state_event(snapshot, room.nid(), state, event_type, state_key).await?;
    let event = event.ok_or(RoomsError::NotFound("state event"))?;
    let response = match request.format {
        StateEventFormat::Event => {
            let viewer = render::viewer(&rooms, &caller);
            let rendered: Vec<Raw<AnyStateEvent>> =
                render::state(&rooms, snapshot, &[event], &viewer).await?;
            rendered.into_iter().next().ok_or(RoomsError::NotFound("state event"))?.into()
        }
        _ => get_state_event_for_key::v3::Response::new(event.pdu().content().to_owned()),
    };
    Ok(RumaResponse(response))
}
