//! `GET /events`, which waits for events, and `GET /events/{eventId}`.

use std::time::Duration;

use axum::{Json, extract::State};
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use hearth_sync::{Listening, Sync};
use ruma::{api::client::room::get_room_event::v3::Response, events::AnyTimelineEvent, serde::Raw};
use serde_json::{Value, json};

use super::requests::{Events, OneEvent};
use crate::{
    error::Error,
    rooms::{known_room, render},
};

pub(crate) async fn get_events(
    State(rooms): State<Rooms>,
    State(sync): State<Sync>,
    Ruma { request, caller }: Ruma<Events>,
) -> Result<Json<Value>, Error> {
    let room = match &request.room_id {
        Some(room_id) => {
            let room = known_room(&rooms, room_id).await?;
            let snapshot = rooms.snapshot().await?;
            rooms.readable_state(snapshot.as_ref(), &room, &caller.user).await?;
            Some(room)
        }
        None if caller.is_guest => return Err(ApiError::guest_access_forbidden().into()),
        None => None,
    };
    let heard = sync
        .listen(Listening {
            user_id: &caller.user,
            room: room.as_ref(),
            from: request.from.as_deref().map(str::parse).transpose()?,
            timeout: Duration::from_millis(request.timeout.unwrap_or_default().into()),
        })
        .await?;
    let snapshot = rooms.snapshot().await?;
    let viewer = render::viewer(&rooms, &caller);
    let chunk: Vec<Raw<AnyTimelineEvent>> =
        render::timeline(&rooms, snapshot.as_ref(), &heard.events, &viewer).await?;
    Ok(Json(json!({
        "start": heard.start.to_string(),
        "end": heard.end.to_string(),
        "chunk": chunk,
    })))
}

pub(crate) async fn get_event_of_any_room(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<OneEvent>,
) -> Result<RumaResponse<Response>, Error> {
    let missing = || RoomsError::NotFound("event");
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let event = rooms.event_by_id(snapshot, &request.0).await?.ok_or_else(missing)?;
    let room = rooms.room_by_nid(snapshot, event.room()).await?;
    let event = rooms.visible_event(snapshot, &room, &request.0, &caller.user).await?;
    let viewer = render::viewer(&rooms, &caller);
    let rendered = render::timeline(&rooms, snapshot, &[event], &viewer).await?.pop();
    Ok(RumaResponse(Response::new(rendered.ok_or_else(missing)?)))
}
