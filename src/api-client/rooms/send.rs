//! `PUT /rooms/{roomId}/send/{eventType}/{txnId}`, at once or later.

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response as HttpResponse},
};
use hearth_base::limits::IDENTIFIER_BYTES_MAX;
use hearth_bus::Bus;
use hearth_http::{Caller, Ruma, RumaResponse};
use hearth_rooms::{EventRequest, Manner, Rooms, RoomsError, Transaction};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedTransactionId,
    api::client::{
        delayed_events::delayed_message_event,
        message::send_message_event::v3::{Request, Response},
    },
    events::TimelineEventType,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{access::known_room, delayed_events::delay_of};
use crate::error::Error;

pub(crate) async fn send(
    State(rooms): State<Rooms>,
    State(bus): State<Bus>,
    RawQuery(query): RawQuery,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<HttpResponse, Error> {
    let delay = delay_of(query.as_deref())?;
    let room = known_room(&rooms, &request.room_id).await?;
    let scope = format!("send/{}/{}", request.room_id, request.event_type);
    let content = request.body.into_json();
    let event_type = TimelineEventType::from(request.event_type.to_string());
    let event = EventRequest {
        sender: caller.user.clone(),
        redacts: redacts(&event_type, &content),
        event_type,
        state_key: None,
        content,
        transaction: Some(transaction(&caller, scope, request.txn_id)?),
        origin_server_ts: massaged(&caller, request.timestamp),
    };
    let manner = Manner::sticky(request.sticky_duration_ms.map(Into::into));
    bus.presence().active(&caller.user);
    if let Some(delay) = delay {
        let delay_id = rooms.delay(&room, event, &manner, delay).await?;
        let response = delayed_message_event::unstable::Response::new(delay_id);
        return Ok(RumaResponse(response).into_response());
    }
    let sent = rooms.send_in(&room, event, manner).await?;
    Ok(RumaResponse(Response::new(sent.event_id)).into_response())
}

/// What makes a repetition of the request recognizable: its device, its path and its id.
pub(super) fn transaction(
    caller: &Caller,
    scope: String,
    transaction_id: OwnedTransactionId,
) -> Result<Transaction, Error> {
    if transaction_id.as_str().len() > IDENTIFIER_BYTES_MAX {
        let reason = format!("a transaction id has at most {IDENTIFIER_BYTES_MAX} bytes");
        return Err(RoomsError::InvalidParam(reason).into());
    }
    // Application services may act without a device: all their requests are of one then.
    let device_id = caller.device.clone().unwrap_or_else(|| "".into());
    Ok(Transaction { device_id, transaction_id, scope })
}

/// The time that an application service gives its event; others have no say in that.
pub(super) fn massaged(
    caller: &Caller,
    timestamp: Option<MilliSecondsSinceUnixEpoch>,
) -> Option<MilliSecondsSinceUnixEpoch> {
    timestamp.filter(|_| caller.application_service.is_some())
}

/// The target of a redaction that comes as a plain event.
pub(super) fn redacts(event_type: &TimelineEventType, content: &RawValue) -> Option<OwnedEventId> {
    #[derive(Deserialize)]
    struct Content {
        redacts: OwnedEventId,
    }
    if *event_type != TimelineEventType::RoomRedaction {
        return None;
    }
    serde_json::from_str::<Content>(content.get()).ok().map(|content| content.redacts)
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn only_redactions_redact() {
        let content = to_raw_value(&json!({ "redacts": "$a" })).unwrap();
        let target = redacts(&TimelineEventType::RoomRedaction, &content);
        assert_eq!(target.unwrap(), "$a");
        assert!(redacts(&TimelineEventType::RoomMessage, &content).is_none());
        let content = to_raw_value(&json!({ "redacts": 5 })).unwrap();
        assert!(redacts(&TimelineEventType::RoomRedaction, &content).is_none());
    }
}
