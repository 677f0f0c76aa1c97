//! `GET /rooms/{roomId}/event/{eventId}`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use ruma::api::client::room::get_room_event::v3::{Request, Response};

use super::render;
use crate::error::Error;

pub(crate) async fn get_event(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = rooms.room(&request.room_id).await?.ok_or(RoomsError::NotFound("event"))?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let event = rooms.visible_event(snapshot, &room, &request.event_id, &caller.user).await?;
    let viewer = render::viewer(&rooms, &caller);
    let rendered = render::timeline(&rooms, snapshot, &[event], &viewer).await?.pop();
    Ok(RumaResponse(Response::new(rendered.ok_or(RoomsError::NotFound("event"))?)))
}
