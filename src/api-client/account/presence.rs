//! `/presence/{userId}/status`.

use std::time::Duration;

use axum::extract::State;
use hearth_bus::Bus;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::{
    api::client::presence::{get_presence, set_presence},
    presence::PresenceState,
};

use super::own::check_own;
use crate::error::Error;

pub(crate) async fn get_presence(
    State(rooms): State<Rooms>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<get_presence::v3::Request>,
) -> Result<RumaResponse<get_presence::v3::Response>, Error> {
    let user = &request.user_id;
    let snapshot = rooms.snapshot().await?;
    let is_visible =
        caller.user == *user || rooms.share_a_room(snapshot.as_ref(), &caller.user, user).await?;
    if !is_visible {
        return Err(ApiError::forbidden("you share no room with this user").into());
    }
    let presence = bus.presence().get(user);
    let mut response = get_presence::v3::Response::new(presence.state);
    response.status_msg = presence.status_msg;
    response.currently_active = Some(presence.currently_active);
    let since = |at_ms| Duration::from_millis(rooms.clock().now_ms().saturating_sub(at_ms));
    response.last_active_ago = presence.last_active_ms.map(since);
    Ok(RumaResponse(response))
}

pub(crate) async fn set_presence(
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<set_presence::v3::Request>,
) -> Result<RumaResponse<set_presence::v3::Response>, Error> {
    use PresenceState::{Offline, Online, Unavailable};
    check_own(&caller, &request.user_id)?;
    if !matches!(request.presence, Online | Offline | Unavailable) {
        return Err(ApiError::invalid_param("there is no such presence").into());
    }
    bus.presence().set(&caller.user, request.presence, request.status_msg);
    Ok(RumaResponse(set_presence::v3::Response::new()))
}
