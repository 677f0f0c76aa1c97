//! `GET /room_summary/{roomIdOrAlias}`: how a room looks to somebody who thinks of joining it.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use ruma::{
    api::client::room::get_summary::v1::{Request, Response},
    events::room::member::MembershipState,
};

use super::access::named_room;
use crate::error::Error;

/// Where clients looked for it before it was specified (MSC3266).
pub(crate) const OLD_SUMMARY_PATH: &str =
    "/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}";

pub(crate) async fn get_summary(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let user_id = caller.as_ref().map(|caller| &*caller.user);
    let room = named_room(&rooms, &request.room_id_or_alias).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if !rooms.may_know(snapshot, &room, user_id).await? {
        return Err(RoomsError::NotFound("room").into());
    }
    let mut response = Response::new(rooms.summary(snapshot, &room).await?);
    if let Some(user_id) = user_id {
        let row = rooms.membership(snapshot, room.nid(), user_id).await?;
        response.membership = Some(row.map_or(MembershipState::Leave, |row| row.value.state));
    }
    Ok(RumaResponse(response))
}
