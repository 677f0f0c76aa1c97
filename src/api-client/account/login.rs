//! `GET` and `POST /login`, and login tokens.

use std::sync::Arc;

use axum::{Json, extract::State};
use hearth_accounts::{Accounts, ApplicationService, NewSession, Session};
use hearth_bus::{Bucket, Bus};
use hearth_http::{ApiError, Interactive, Ruma, RumaResponse};
use hearth_sso::{Provider, Sso};
use http::StatusCode;
use ruma::{
    OwnedUserId, UserId,
    api::{
        client::{
            session::{
                get_login_token, get_login_types,
                login::v3::{self as login_v3, LoginInfo, Password, Response},
            },
            uiaa::{MatrixUserIdentifier, UserIdentifier},
        },
        error::ErrorCode,
    },
};
use serde_json::{Value, json};

use super::{confirm::confirm, login_request::LoginRequest};
use crate::error::Error;

/// `GET /login`.
pub(crate) async fn login_types(
    State(sso): State<Sso>,
    _: Ruma<get_login_types::v3::Request>,
) -> Json<Value> {
    let mut flows = vec![
        json!({ "type": "m.login.password" }),
        json!({ "type": "m.login.token", "get_login_token": true }),
        json!({ "type": "m.login.application_service" }),
    ];
    let providers: Vec<Value> = sso.providers().map(identity_provider).collect();
    if !providers.is_empty() {
        flows.push(json!({ "type": "m.login.sso", "identity_providers": providers }));
    }
    Json(json!({ "flows": flows }))
}

fn identity_provider(provider: &Provider) -> Value {
    let mut shown = json!({ "id": provider.id, "name": provider.name });
    if let Some(icon) = &provider.icon {
        shown["icon"] = json!(icon);
    }
    if let Some(brand) = &provider.brand {
        shown["brand"] = json!(brand);
    }
    shown
}

/// `POST /login`.
pub(crate) async fn login(
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    Ruma { request: LoginRequest(request), caller }: Ruma<LoginRequest>,
) -> Result<RumaResponse<Response>, Error> {
    let user = match &request.login_info {
        LoginInfo::Password(login) => by_password(&accounts, &bus, login).await?,
        LoginInfo::Token(login) => accounts
            .take_login_token(&login.token)
            .ok_or_else(|| ApiError::forbidden("the login token is not valid"))?,
        LoginInfo::ApplicationService(login) => by_service(&accounts, caller, login).await?,
        _ => {
            let message = "there is no such way to log in";
            return Err(ApiError::bad_request(ErrorCode::Unknown, message).into());
        }
    };
    check_may_log_in(&accounts, &user).await?;
    let new = NewSession {
        device: request.device_id.as_deref(),
        device_display_name: request.initial_device_display_name.as_deref(),
        refreshable: request.refresh_token,
        ..NewSession::new(&user)
    };
    Ok(RumaResponse(respond(accounts.open_session(new).await?)))
}

fn respond(session: Session) -> Response {
    let mut response = Response::new(session.user, session.access_token, session.device);
    response.refresh_token = session.refresh_token;
    response.expires_in = session.expires_in;
    response
}

async fn by_password(
    accounts: &Accounts,
    bus: &Bus,
    login: &Password,
) -> Result<OwnedUserId, Error> {
    let wrong = || ApiError::forbidden("wrong user name or password");
    let identifier = named(login)?;
    let user = accounts.identified_user(&identifier).await?;
    let account = user.as_ref().map_or_else(|| name_of(&identifier), ToString::to_string);
    let limits = bus.rate_limits();
    limits.check(Bucket::Logins, &account)?;
    limits.check(Bucket::FailedLogins, &account)?;
    if !accounts.verify_password(user.as_deref(), &login.password).await? {
        return Err(wrong().into());
    }
    limits.give_back(Bucket::FailedLogins, &account);
    Ok(user.ok_or_else(wrong)?)
}

/// Whom somebody means who logs in with a password.
#[allow(deprecated, reason = "old clients name the user outside of the identifier")]
fn named(login: &Password) -> Result<UserIdentifier, ApiError> {
    if let Some(identifier) = &login.identifier {
        return Ok(identifier.clone());
    }
    if let (Some(medium), Some(address)) = (&login.medium, &login.address) {
        return Ok(UserIdentifier::third_party_id(medium.as_str().into(), address.clone()));
    }
    let user =
        login.user.clone().ok_or_else(|| ApiError::missing_param("identifier is missing"))?;
    Ok(UserIdentifier::Matrix(MatrixUserIdentifier::new(user)))
}

/// What attempts are counted by where there is no such user, so that they cost the same.
fn name_of(identifier: &UserIdentifier) -> String {
    match identifier {
        UserIdentifier::Matrix(matrix) => matrix.user.to_ascii_lowercase(),
        UserIdentifier::Email(email) => email.address.to_ascii_lowercase(),
        other => other.identifier_type().to_owned(),
    }
}

#[allow(deprecated, reason = "old clients name the user outside of the identifier")]
async fn by_service(
    accounts: &Accounts,
    service: Option<Arc<ApplicationService>>,
    login: &login_v3::ApplicationService,
) -> Result<OwnedUserId, Error> {
    let service = service.ok_or_else(ApiError::missing_token)?;
    let unknown = || ApiError::forbidden("no such user");
    let name = named_user(login.identifier.as_ref(), login.user.as_deref())?.ok_or_else(unknown)?;
    let user = accounts.login_user(name).await?.ok_or_else(unknown)?;
    if !service.may_act_as(&user) {
        let message = "the user is not in a namespace of the application service";
        return Err(ApiError::bad_request(ErrorCode::Exclusive, message).into());
    }
    Ok(user)
}

/// The name of the user; none if the user is named by what this server does not know.
fn named_user<'a>(
    identifier: Option<&'a UserIdentifier>,
    old_name: Option<&'a str>,
) -> Result<Option<&'a str>, ApiError> {
    match identifier {
        Some(UserIdentifier::Matrix(identifier)) => Ok(Some(&identifier.user)),
        Some(_) => Ok(None),
        None => {
            let missing = || ApiError::missing_param("identifier is missing");
            old_name.map(Some).ok_or_else(missing)
        }
    }
}

async fn check_may_log_in(accounts: &Accounts, user: &UserId) -> Result<(), Error> {
    let refused = |status, code, message: &'static str| ApiError::new(status, code, message);
    match accounts.user(user).await? {
        None => Err(ApiError::forbidden("no such user").into()),
        Some(row) if row.is_deactivated => {
            let (status, code) = (StatusCode::FORBIDDEN, ErrorCode::UserDeactivated);
            Err(refused(status, code, "this account is deactivated").into())
        }
        Some(row) if row.is_locked => {
            let (status, code) = (StatusCode::UNAUTHORIZED, ErrorCode::UserLocked);
            Err(refused(status, code, "this account is locked").with("soft_logout", true).into())
        }
        Some(_) => Ok(()),
    }
}

/// `POST /login/get_token`: lets a user log a further device in.
pub(crate) async fn get_login_token(
    State(accounts): State<Accounts>,
    interactive: Interactive<get_login_token::v1::Request>,
) -> Result<RumaResponse<get_login_token::v1::Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
    let (token, lifetime) = accounts.create_login_token(&caller.user);
    Ok(RumaResponse(get_login_token::v1::Response::new(lifetime, token)))
}
