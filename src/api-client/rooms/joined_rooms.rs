//! `GET /joined_rooms`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::{
    api::client::membership::joined_rooms::v3::{Request, Response},
    events::room::member::MembershipState,
};

use crate::error::Error;

pub(crate) async fn joined_rooms(
    State(rooms): State<Rooms>,
    Ruma { caller, .. }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let snapshot = rooms.snapshot().await?;
    let mut joined = Vec::new();
    for (nid, row) in rooms.memberships(snapshot.as_ref(), &caller.user).await? {
        if row.value.state == MembershipState::Join {
            joined.push(rooms.room_by_nid(snapshot.as_ref(), nid).await?.id().to_owned());
        }
    }
    Ok(RumaResponse(Response::new(joined)))
}
