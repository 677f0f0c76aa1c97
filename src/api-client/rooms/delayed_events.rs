//! Delayed events (MSC4140): sending them later, looking at them, and changing what becomes of
//! them.
//!
//! Clients in use ask for a delay with a parameter of the usual endpoints ([`delay_of`]); a later
//! draft has an endpoint of its own. Whoever knows the id of a delayed event may change it, so that
//! a server of a call can act for a client that is gone.

use std::time::Duration;

use axum::extract::State;
use hearth_http::{ApiError, Caller, Ruma, RumaResponse};
use hearth_rooms::{
    DelayedAction, DelayedEvent, DelayedOutcome, EventRequest, Manner, Rooms, RoomsError,
};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomId, UInt,
    api::{
        client::delayed_events::{
            DelayedEventData, get_all_delayed_events, get_delayed_event as get_one,
            send_delayed_event as send_later,
            update_delayed_event::{UpdateAction, unstable_v2 as update},
        },
        error::{ErrorKind, StandardErrorBody},
    },
    events::TimelineEventType,
    serde::Raw,
};
use serde_json::value::RawValue;

use super::{
    access::known_room,
    send::{redacts, transaction},
};
use crate::error::Error;

/// The parameter that makes a usual request a delayed one.
const DELAY: &str = "org.matrix.msc4140.delay=";

/// The delay that a request asks for.
pub(super) fn delay_of(query: Option<&str>) -> Result<Option<Duration>, Error> {
    let mut pairs = query.unwrap_or_default().split('&');
    let Some(value) = pairs.find_map(|pair| pair.strip_prefix(DELAY)) else {
        return Ok(None);
    };
    let delay_ms = value.parse().map_err(|_| {
        ApiError::invalid_param("a delay is a number of milliseconds, and not negative")
    })?;
    Ok(Some(Duration::from_millis(delay_ms)))
}

pub(crate) async fn send_delayed_event(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<send_later::unstable::Request>,
) -> Result<RumaResponse<send_later::unstable::Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let scope = format!("delayed_event/{}/{}", request.room_id, request.event_type);
    let content = request.content.into_json();
    let event = EventRequest {
        sender: caller.user.clone(),
        redacts: redacts(&request.event_type, &content),
        event_type: request.event_type,
        state_key: request.state_key,
        content,
        transaction: Some(transaction(&caller, scope, request.txn_id)?),
        origin_server_ts: None,
    };
    let manner = Manner::sticky(request.sticky_duration_ms.map(Into::into));
    let delay_id = rooms.delay(&room, event, &manner, request.delay).await?;
    Ok(RumaResponse(send_later::unstable::Response::new(delay_id)))
}

pub(crate) async fn get_delayed_events(
    State(rooms): State<Rooms>,
    Ruma { caller, .. }: Ruma<get_all_delayed_events::unstable::Request>,
) -> Result<RumaResponse<get_all_delayed_events::unstable::Response>, Error> {
    let events = rooms.delayed_events(&caller.user).await?;
    let events = events.into_iter().map(|(id, event)| data(id, event));
    let events = events.collect::<Result<_, _>>()?;
    Ok(RumaResponse(get_all_delayed_events::unstable::Response::new(events)))
}

pub(crate) async fn get_delayed_event(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<get_one::unstable::Request>,
) -> Result<RumaResponse<get_one::unstable::Response>, Error> {
    let event = rooms.delayed_event(&request.delay_id).await?;
    let event = event.filter(|event| is_own(event, &caller));
    let event = event.ok_or(RoomsError::NotFound("delayed event"))?;
    Ok(RumaResponse(get_one::unstable::Response::new(data(request.delay_id, event)?)))
}

pub(crate) async fn update_delayed_event(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<update::Request>,
) -> Result<RumaResponse<update::Response>, Error> {
    let action = match request.action {
        UpdateAction::Send => DelayedAction::Send,
        UpdateAction::Cancel => DelayedAction::Cancel,
        UpdateAction::Restart => DelayedAction::Restart,
        _ => return Err(ApiError::unrecognized().into()),
    };
    rooms.change_delayed(&request.delay_id, action).await?;
    Ok(RumaResponse(update::Response::new()))
}

fn is_own(event: &DelayedEvent, caller: &Caller) -> bool {
    event.sender == caller.user
}

/// A delayed event as its user sees it.
fn data(id: String, event: DelayedEvent) -> Result<DelayedEventData, Error> {
    let content = RawValue::from_string(event.content);
    let content = content.map_err(|error| RoomsError::Corrupt(error.to_string()))?;
    let room_id: OwnedRoomId = event.room_id;
    let mut data = DelayedEventData::new(
        id,
        room_id,
        TimelineEventType::from(event.event_type),
        event.state_key,
        Raw::from_json(content),
        Duration::from_millis(event.delay_ms),
        timestamp(event.running_since_ms),
    );
    if let Some(finished) = event.finished {
        data.finalized_ts = Some(timestamp(finished.at_ms));
        match finished.outcome {
            DelayedOutcome::Sent(event_id) => data.event_id = Some(event_id),
            DelayedOutcome::Cancelled => {}
            DelayedOutcome::Refused { reason } => {
                data.error = Some(StandardErrorBody::new(ErrorKind::Unknown, reason));
            }
        }
    }
    Ok(data)
}

fn timestamp(ms: u64) -> MilliSecondsSinceUnixEpoch {
    MilliSecondsSinceUnixEpoch(UInt::new_saturating(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_a_number_of_milliseconds() {
        assert_eq!(delay_of(None).unwrap(), None);
        assert_eq!(delay_of(Some("ts=1")).unwrap(), None);
        let delay = delay_of(Some("ts=1&org.matrix.msc4140.delay=700")).unwrap();
        assert_eq!(delay, Some(Duration::from_millis(700)));
        for bad in ["-1", "", "1.5", "soon"] {
            assert!(delay_of(Some(&format!("{DELAY}{bad}"))).is_err(), "{bad}");
        }
    }
}
