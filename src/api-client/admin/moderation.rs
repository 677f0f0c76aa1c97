//! `/admin/lock/{userId}` and `/admin/suspend/{userId}`.
//!
//! Who asks is checked before whom they ask about, so that nobody learns here who exists.

use axum::extract::State;
use hearth_accounts::{Accounts, User};
use hearth_http::{ApiError, Caller, Ruma, RumaResponse};
use ruma::{
    UserId,
    api::client::admin::{is_user_locked, is_user_suspended, lock_user, suspend_user},
};

use crate::error::Error;

/// `GET /admin/lock/{userId}`.
pub(crate) async fn is_locked(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<is_user_locked::v1::Request>,
) -> Result<RumaResponse<is_user_locked::v1::Response>, Error> {
    let row = moderated(&accounts, &caller, &request.user_id).await?;
    Ok(RumaResponse(is_user_locked::v1::Response::new(row.is_locked)))
}

/// `PUT /admin/lock/{userId}`.
pub(crate) async fn set_locked(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<lock_user::v1::Request>,
) -> Result<RumaResponse<lock_user::v1::Response>, Error> {
    changeable(&accounts, &caller, &request.user_id).await?;
    accounts.set_locked(&request.user_id, request.locked).await?;
    Ok(RumaResponse(lock_user::v1::Response::new(request.locked)))
}

/// `GET /admin/suspend/{userId}`.
pub(crate) async fn is_suspended(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<is_user_suspended::v1::Request>,
) -> Result<RumaResponse<is_user_suspended::v1::Response>, Error> {
    let row = moderated(&accounts, &caller, &request.user_id).await?;
    Ok(RumaResponse(is_user_suspended::v1::Response::new(row.is_suspended)))
}

/// `PUT /admin/suspend/{userId}`.
pub(crate) async fn set_suspended(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<suspend_user::v1::Request>,
) -> Result<RumaResponse<suspend_user::v1::Response>, Error> {
    changeable(&accounts, &caller, &request.user_id).await?;
    accounts.set_suspended(&request.user_id, request.suspended).await?;
    Ok(RumaResponse(suspend_user::v1::Response::new(request.suspended)))
}

/// The account of a user whom the caller may moderate, or who is the caller.
async fn moderated(accounts: &Accounts, caller: &Caller, user_id: &UserId) -> Result<User, Error> {
    if !caller.is_admin {
        return Err(ApiError::forbidden("only administrators may do this").into());
    }
    if !accounts.is_local(user_id) {
        return Err(ApiError::invalid_param("the user is not one of this server's").into());
    }
    let row = accounts.user(user_id).await?.filter(|row| !row.is_deactivated);
    let row = row.ok_or_else(|| ApiError::not_found("there is no such user"))?;
    if row.is_admin && caller.user != user_id {
        return Err(ApiError::forbidden("the user is an administrator").into());
    }
    Ok(row)
}

/// Refuses what would change the caller.
async fn changeable(accounts: &Accounts, caller: &Caller, user_id: &UserId) -> Result<(), Error> {
    moderated(accounts, caller, user_id).await?;
    if caller.user == user_id {
        return Err(ApiError::forbidden("nobody does this to themselves").into());
    }
    Ok(())
}
