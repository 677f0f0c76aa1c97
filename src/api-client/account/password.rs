//! `POST /account/password`: a new password for whoever knows the old one, or reads the mailbox
//! of an address of the account.

use std::sync::Arc;

use axum::extract::State;
use hearth_accounts::{Accounts, EmailPurpose};
use hearth_http::{ApiError, Interactive, RumaResponse};
use ruma::{
    OwnedUserId,
    api::{
        client::{
            account::change_password::v3::{Request, Response},
            uiaa::{AuthFlow, AuthType},
        },
        error::ErrorCode,
    },
};
use serde_json::json;

use super::confirm::confirm;
use crate::{Settings, error::Error};

pub(crate) async fn change_password(
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    interactive: Interactive<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    check_password(&settings, &request.new_password)?;
    let (user, device) = match caller {
        Some(caller) => {
            confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
            (caller.user.clone(), caller.device.clone())
        }
        None => (owner_of_mailbox(&accounts, &interactive).await?, None),
    };
    accounts.set_password(&user, &request.new_password).await?;
    if request.logout_devices {
        accounts.close_other_sessions(&user, device.as_deref()).await?;
    }
    Ok(RumaResponse(Response::new()))
}

/// Refuses what the settings call too short.
pub(super) fn check_password(settings: &Settings, password: &str) -> Result<(), ApiError> {
    let shortest = settings.password_characters_min.max(1);
    if password.chars().count() >= shortest {
        return Ok(());
    }
    let message = format!("a password has at least {shortest} characters");
    Err(ApiError::bad_request(ErrorCode::WeakPassword, message))
}

/// The user of an address whose mailbox somebody without a session has proven to read.
async fn owner_of_mailbox(
    accounts: &Accounts,
    interactive: &Interactive<Request>,
) -> Result<OwnedUserId, Error> {
    if !accounts.sends_mail() {
        return Err(ApiError::missing_token().into());
    }
    let flows = [AuthFlow::new(vec![AuthType::EmailIdentity])];
    let auth = interactive.request.auth.as_ref();
    let proven = interactive.prove(accounts, &flows, json!({}), auth).await?;
    let nobody = || ApiError::forbidden("no account has this e-mail address");
    let proven = proven.ok_or_else(nobody)?.meant_for(EmailPurpose::ResetPassword)?;
    Ok(accounts.user_of_email(&proven.address).await?.ok_or_else(nobody)?)
}
