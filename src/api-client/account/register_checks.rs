//! What can be asked before registering: is the user name free, is the token valid.

use std::sync::Arc;

use axum::extract::State;
use hearth_accounts::{Accounts, AccountsError};
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::api::client::account::{
    check_registration_token_validity as token_validity, get_username_availability as availability,
};

use crate::{Registration, Settings, error::Error};

/// `GET /register/available`.
pub(crate) async fn is_username_available(
    State(accounts): State<Accounts>,
    Ruma { request, .. }: Ruma<availability::v3::Request>,
) -> Result<RumaResponse<availability::v3::Response>, Error> {
    let user = accounts.new_user_id(&request.username)?;
    accounts.check_not_exclusive(&user, None)?;
    if accounts.user(&user).await?.is_some() {
        return Err(AccountsError::UserInUse.into());
    }
    Ok(RumaResponse(availability::v3::Response::new(true)))
}

/// `GET /register/m.login.registration_token/validity`.
pub(crate) async fn is_registration_token_valid(
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Ruma { request, .. }: Ruma<token_validity::v1::Request>,
) -> Result<RumaResponse<token_validity::v1::Response>, Error> {
    if settings.registration == Registration::Closed {
        return Err(ApiError::forbidden("registration is closed").into());
    }
    let valid = accounts.is_registration_token_valid(&request.token).await?;
    Ok(RumaResponse(token_validity::v1::Response::new(valid)))
}
