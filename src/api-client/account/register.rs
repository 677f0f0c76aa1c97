//! `POST /register`: users, guests, and users of application services.

use std::sync::Arc;

use axum::extract::State;
use hearth_accounts::{Accounts, ApplicationService, NewSession, NewUser};
use hearth_http::{ApiError, Interactive, RumaResponse};
use ruma::{
    OwnedUserId, UserId,
    api::{
        client::{
            account::register::{
                LoginType, RegistrationKind,
                v3::{Request, Response},
            },
            uiaa::{AuthFlow, AuthType},
        },
        error::ErrorCode,
    },
};

use crate::{Registration, Settings, error::Error};

pub(crate) async fn register(
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    interactive: Interactive<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let request = &interactive.request;
    let user = match request.kind {
        RegistrationKind::User => register_user(&accounts, &settings, &interactive).await?,
        RegistrationKind::Guest => register_guest(&accounts, &settings).await?,
        _ => return Err(ApiError::invalid_param("there is no such kind of account").into()),
    };
    Ok(RumaResponse(respond(&accounts, user, request).await?))
}

async fn register_user(
    accounts: &Accounts,
    settings: &Settings,
    interactive: &Interactive<Request>,
) -> Result<OwnedUserId, Error> {
    let request = &interactive.request;
    let user = match &request.username {
        Some(name) => accounts.new_user_id(name)?,
        None => accounts.random_user_id()?,
    };
    if request.login_type == Some(LoginType::ApplicationService) {
        let service = interactive.caller.as_deref().ok_or_else(ApiError::missing_token)?;
        return register_for_service(accounts, service, user).await;
    }
    let flows = flows(settings.registration)?;
    accounts.check_not_exclusive(&user, None)?;
    if accounts.user(&user).await?.is_some() {
        return Err(hearth_accounts::AccountsError::UserInUse.into());
    }
    interactive.require(accounts, &flows, None, request.auth.as_ref()).await?;
    let password = request.password.as_deref();
    let password = password.ok_or_else(|| ApiError::missing_param("a password is needed"))?;
    let new = NewUser { password: Some(password), ..NewUser::default() };
    accounts.create_user(&user, new).await?;
    Ok(user)
}

fn flows(registration: Registration) -> Result<Vec<AuthFlow>, ApiError> {
    match registration {
        Registration::Open => Ok(vec![AuthFlow::new(vec![AuthType::Dummy])]),
        Registration::Token => Ok(vec![AuthFlow::new(vec![AuthType::RegistrationToken])]),
        Registration::Closed => Err(ApiError::forbidden("registration is closed")),
    }
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
) -> Result<Response, Error> {
    let mut response = Response::new(user);
    if request.inhibit_login {
        return Ok(response);
    }
    let session = accounts.open_session(new_session(&response.user_id, request)).await?;
    response.access_token = Some(session.access_token);
    response.device_id = Some(session.device);
    response.refresh_token = session.refresh_token;
    response.expires_in = session.expires_in;
    Ok(response)
}

fn new_session<'a>(user: &'a UserId, request: &'a Request) -> NewSession<'a> {
    // A guest's device is the guest.
    let device = (request.kind != RegistrationKind::Guest).then_some(request.device_id.as_deref());
    NewSession {
        device: device.flatten(),
        device_display_name: request.initial_device_display_name.as_deref(),
        refreshable: request.refresh_token,
        ..NewSession::new(user)
    }
}
