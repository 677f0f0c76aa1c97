//! `POST /account/deactivate`.
//!
//! The account ends at once; leaving its rooms goes on after the answer. If the server stops
//! meanwhile, the user stays a member of the rest.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Interactive, RumaResponse};
use hearth_rooms::{Rooms, RoomsError};
use ruma::{
    UserId,
    api::client::account::{
        ThirdPartyIdRemovalStatus,
        deactivate::v3::{Request, Response},
    },
    events::room::member::MembershipState,
};
use tokio_util::task::TaskTracker;

use super::confirm::confirm;
use crate::error::Error;

pub(crate) async fn deactivate(
    State(accounts): State<Accounts>,
    State(rooms): State<Rooms>,
    State(tasks): State<TaskTracker>,
    interactive: Interactive<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    let caller = caller.as_ref().ok_or_else(ApiError::missing_token)?;
    confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
    let user = caller.user.clone();
    accounts.deactivate(&user, request.erase).await?;
    tasks.spawn(async move {
        if let Err(error) = leave_all(&rooms, &user).await {
            tracing::warn!(%user, %error, "a deactivated user did not leave all rooms");
        }
    });
    // There is nothing to unbind from anywhere.
    Ok(RumaResponse(Response::new(ThirdPartyIdRemovalStatus::Success)))
}

async fn leave_all(rooms: &Rooms, user: &UserId) -> Result<(), RoomsError> {
    let snapshot = rooms.snapshot().await?;
    for (nid, row) in rooms.memberships(snapshot.as_ref(), user).await? {
        use MembershipState::{Invite, Join, Knock};
        if matches!(row.value.state, Join | Invite | Knock) {
            let room = rooms.room_by_nid(snapshot.as_ref(), nid).await?;
            if let Err(error) = rooms.leave(&room, user, None).await {
                tracing::warn!(%user, room = %room.id(), %error, "a deactivated user stays");
            }
        }
    }
    Ok(())
}
