//! Sessions: who am I, new tokens, the end.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::{
    account::whoami,
    session::{logout, logout_all, refresh_token},
};

use crate::error::Error;

/// `POST /logout`.
pub(crate) async fn logout(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<logout::v3::Request>,
) -> Result<RumaResponse<logout::v3::Response>, Error> {
    if let Some(device) = caller.device.clone() {
        accounts.delete_devices(&caller.user, &[device]).await?;
    }
    Ok(RumaResponse(logout::v3::Response::new()))
}

/// `POST /logout/all`.
pub(crate) async fn logout_all(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<logout_all::v3::Request>,
) -> Result<RumaResponse<logout_all::v3::Response>, Error> {
    accounts.close_all_sessions(&caller.user).await?;
    Ok(RumaResponse(logout_all::v3::Response::new()))
}

/// `POST /refresh`.
pub(crate) async fn refresh(
    State(accounts): State<Accounts>,
    Ruma { request, .. }: Ruma<refresh_token::v3::Request>,
) -> Result<RumaResponse<refresh_token::v3::Response>, Error> {
    let session = accounts.refresh_session(&request.refresh_token, None).await?;
    let mut response = refresh_token::v3::Response::new(session.access_token);
    response.refresh_token = session.refresh_token;
    response.expires_in_ms = session.expires_in;
    Ok(RumaResponse(response))
}

/// `GET /account/whoami`.
pub(crate) async fn whoami(
    Ruma { caller, .. }: Ruma<whoami::v3::Request>,
) -> RumaResponse<whoami::v3::Response> {
    let mut response = whoami::v3::Response::new(caller.user.clone(), caller.is_guest);
    response.device_id = caller.device.clone();
    RumaResponse(response)
}
