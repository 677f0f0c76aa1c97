//! `POST /account/deactivate`: the account ends at once; leaving its rooms goes on after the
//! answer.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Interactive, RumaResponse};
use hearth_rooms::Rooms;
use ruma::api::client::account::{
    ThirdPartyIdRemovalStatus,
    deactivate::v3::{Request, Response},
};
use tokio_util::task::TaskTracker;

use super::{confirm::confirm, departure::depart};
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
    tasks.spawn(async move { depart(&accounts, &rooms, &user).await });
    // Nothing is ever bound at an identity server, so there is nothing to unbind.
    Ok(RumaResponse(Response::new(ThirdPartyIdRemovalStatus::Success)))
}
