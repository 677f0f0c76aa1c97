//! `POST /register`: users, guests, and users of application services.

use std::sync::Arc;

use axum::{Json, extract::State};
use hearth_accounts::{
    Accounts, AccountsError, ApplicationService, Authentication, EmailPurpose, NewSession, NewUser,
    ProvenEmail,
};
use hearth_http::{ApiError, Interactive};
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::{
        client::{
            account::register::{LoginType, RegistrationKind, v3::Request},
            uiaa::AuthFlow,
        },
        error::ErrorCode,
    },
};
use serde::Serialize;

use super::{
    password::check_password,
    register_flows::{flows, params},
};
use crate::{Settings, error::Error};

/// The answer; ruma's would have a `device_id` of `null` for whoever does not log in.
#[derive(Serialize)]
pub(crate) struct Registered {
    user_id: OwnedUserId,
    #[serde(flatten)]
    session: Option<SessionAnswer>,
}

#[derive(Serialize)]
struct SessionAnswer {
    access_token: String,
    device_id: OwnedDeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
}

pub(crate) async fn register(
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    interactive: Interactive<Request>,
) -> Result<Json<Registered>, Error> {
    let request = &interactive.request;
    let user = match request.kind {
        RegistrationKind::User => register_user(&accounts, &settings, &interactive).await?,
        RegistrationKind::Guest => register_guest(&accounts, &settings).await?,
        _ => return Err(ApiError::invalid_param("there is no such kind of account").into()),
    };
    Ok(Json(respond(&accounts, user, request).await?))
}

async fn register_user(
    accounts: &Accounts,
    settings: &Settings,
    interactive: &Interactive<Request>,
) -> Result<OwnedUserId, Error> {
    let request = &interactive.request;
    if let Some(token) = &request.guest_access_token {
        return upgrade_guest(accounts, settings, interactive, token).await;
    }
    let user = match &request.username {
        Some(name) => accounts.new_user_id(name)?,
        None => accounts.random_user_id()?,
    };
    if request.login_type == Some(LoginType::ApplicationService) {
        let service = interactive.caller.as_deref().ok_or_else(ApiError::missing_token)?;
        return register_for_service(accounts, service, user).await;
    }
    let flows = flows(settings, accounts.sends_mail())?;
    accounts.check_not_exclusive(&user, None)?;
    if accounts.user(&user).await?.is_some() {
        return Err(AccountsError::UserInUse.into());
    }
    let email = admitted(accounts, settings, interactive, &flows).await?;
    let password = Some(chosen_password(request)?);
    let new = NewUser { password, email: email.as_ref(), ..NewUser::default() };
    accounts.create_user(&user, new).await?;
    Ok(user)
}

/// Goes on when somebody has done what the settings demand, perhaps with an address of theirs.
async fn admitted(
    accounts: &Accounts,
    settings: &Settings,
    interactive: &Interactive<Request>,
    flows: &[AuthFlow],
) -> Result<Option<ProvenEmail>, Error> {
    let request = &interactive.request;
    if let Some(password) = &request.password {
        check_password(settings, password)?;
    }
    let (params, auth) = (params(settings), request.auth.as_ref());
    let email = interactive.prove(accounts, flows, params, auth).await?;
    Ok(email.map(|email| email.meant_for(EmailPurpose::Register)).transpose()?)
}

fn chosen_password(request: &Request) -> Result<&str, ApiError> {
    let password = request.password.as_deref();
    password.ok_or_else(|| ApiError::missing_param("a password is needed"))
}

/// A guest who shows the guest's token becomes a user of the same id.
async fn upgrade_guest(
    accounts: &Accounts,
    settings: &Settings,
    interactive: &Interactive<Request>,
    token: &str,
) -> Result<OwnedUserId, Error> {
    let request = &interactive.request;
    let refused = || ApiError::forbidden("this is not the token of a guest with this name");
    let Authentication::Valid(guest) = accounts.authenticate(token).await? else {
        return Err(refused().into());
    };
    let is_named = request.username.as_deref().is_none_or(|name| name == guest.user.localpart());
    if !guest.is_guest || guest.is_locked || !is_named {
        return Err(refused().into());
    }
    let flows = flows(settings, accounts.sends_mail())?;
    let email = admitted(accounts, settings, interactive, &flows).await?;
    accounts.upgrade_guest(&guest.user, chosen_password(request)?).await?;
    if let Some(email) = email {
        accounts.add_email(&guest.user, &email).await?;
    }
    Ok(guest.user.clone())
}

async fn register_for_service(
    accounts: &Accounts,
    service: &ApplicationService,
    user: OwnedUserId,
) -> Result<OwnedUserId, Error> {
    if !service.may_act_as(&user) {
        let message = "the user is not in a namespace of the application service";
        return Err(ApiError::bad_request(ErrorCode::Exclusive, message).into());
    }
    let new = NewUser { application_service: Some(service.id()), ..NewUser::default() };
    accounts.create_user(&user, new).await?;
    Ok(user)
}

async fn register_guest(accounts: &Accounts, settings: &Settings) -> Result<OwnedUserId, Error> {
    if !settings.guests {
        return Err(ApiError::forbidden("guests cannot register here").into());
    }
    let user = accounts.random_user_id()?;
    accounts.create_user(&user, NewUser { is_guest: true, ..NewUser::default() }).await?;
    Ok(user)
}

/// Logs the new user in, unless the client does not want that.
async fn respond(
    accounts: &Accounts,
    user: OwnedUserId,
    request: &Request,
) -> Result<Registered, Error> {
    if request.inhibit_login && request.kind != RegistrationKind::Guest {
        return Ok(Registered { user_id: user, session: None });
    }
    let session = accounts.open_session(new_session(&user, request)).await?;
    let expires_in_ms = session.expires_in.and_then(|time| u64::try_from(time.as_millis()).ok());
    let session = SessionAnswer {
        access_token: session.access_token,
        device_id: session.device,
        refresh_token: session.refresh_token,
        expires_in_ms,
    };
    Ok(Registered { user_id: user, session: Some(session) })
}

fn new_session<'a>(user: &'a UserId, request: &'a Request) -> NewSession<'a> {
    let session = NewSession {
        device_display_name: request.initial_device_display_name.as_deref(),
        ..NewSession::new(user)
    };
    if request.kind == RegistrationKind::Guest {
        // Nothing else that a guest asks for counts.
        return session;
    }
    let device = request.device_id.as_deref();
    NewSession { device, refreshable: request.refresh_token, ..session }
}
