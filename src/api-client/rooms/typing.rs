//! `PUT /rooms/{roomId}/typing/{userId}`.

use axum::extract::State;
use hearth_bus::Bus;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use ruma::api::client::typing::create_typing_event::v3::{Request, Response, Typing};

use super::access::{known_room, not_in_room};
use crate::error::Error;

pub(crate) async fn set_typing(
    State(rooms): State<Rooms>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    if request.user_id != caller.user {
        return Err(RoomsError::Forbidden("you type for nobody else".to_owned()).into());
    }
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    if !rooms.is_joined(snapshot.as_ref(), room.nid(), &caller.user).await? {
        return Err(not_in_room().into());
    }
    match request.state {
        Typing::No => bus.typing().stop(room.id(), &caller.user),
        Typing::Yes(info) => {
            let timeout_ms = u64::try_from(info.timeout.as_millis()).unwrap_or(u64::MAX);
            bus.typing().start(room.id(), &caller.user, timeout_ms);
        }
    }
    bus.presence().active(&caller.user);
    Ok(RumaResponse(Response::new()))
}
