//! `POST /account/password`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Interactive, RumaResponse};
use ruma::api::client::account::change_password::v3::{Request, Response};

use super::confirm::confirm;
use crate::error::Error;

pub(crate) async fn change_password(
    State(accounts): State<Accounts>,
    interactive: Interactive<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    let caller = caller.as_ref().ok_or_else(ApiError::missing_token)?;
    confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
    accounts.set_password(&caller.user, &request.new_password).await?;
    if request.logout_devices {
        accounts.close_other_sessions(&caller.user, caller.device.as_deref()).await?;
    }
    Ok(RumaResponse(Response::new()))
}
