//! `POST /auth/login`.

use axum::extract::State;
use hearth_accounts::{NewSession, Session};
use hearth_bus::Bucket;
use http::StatusCode;
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Anybody, ChatApi, Faults, Json, Problem, Validate,
    views::{OwnUser, Timestamp},
};

/// Longest name that somebody logs in with: a whole user id.
const NAME_CHARACTERS_MAX: usize = 255;
/// Longest password, in characters.
pub(super) const PASSWORD_CHARACTERS_MAX: usize = 512;
/// Longest name of a device, in characters.
const DEVICE_NAME_CHARACTERS_MAX: usize = 64;

/// Name and password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Login {
    /// The user name, or the whole id of the user.
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    /// The password.
    #[schema(min_length = 1, max_length = 512)]
    password: String,
    /// What the new session is called in the list of the user's devices.
    #[serde(default)]
    #[schema(max_length = 64)]
    device_name: Option<String>,
}

impl Validate for Login {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("username", &self.username, 1..=NAME_CHARACTERS_MAX);
        faults.characters("password", &self.password, 1..=PASSWORD_CHARACTERS_MAX);
        check_device_name(faults, self.device_name.as_deref());
    }
}

/// Refuses a name of a device that is too long.
pub(super) fn check_device_name(faults: &mut Faults, name: Option<&str>) {
    faults.optional_characters("device_name", name, 0..=DEVICE_NAME_CHARACTERS_MAX);
}

/// What proves who somebody is, from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedIn {
    /// The token: `Authorization: Bearer` and this go with each request.
    token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// When the token stops being valid.
    expires_at: Timestamp,
    /// What a new token is had for at `/auth/refresh`, even when the old one has expired.
    refresh_token: String,
    /// The user.
    user: OwnUser,
}

/// Trades name and password for a token.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", security(()), request_body = Login,
    responses((status = 200, description = "Logged in", body = LoggedIn)),
)]
pub(crate) async fn login(
    State(api): State<ChatApi>,
    _: Anybody,
    Json(login): Json<Login>,
) -> Result<Json<LoggedIn>, Problem> {
    let user = by_password(&api, &login).await?;
    check_may_log_in(&api, &user).await?;
    let device_name = login.device_name.as_deref();
    Ok(Json(open_session(&api, &user, device_name).await?))
}

async fn by_password(api: &ChatApi, login: &Login) -> Result<OwnedUserId, Problem> {
    let wrong = || {
        let detail = "wrong user name or password";
        Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials", detail)
    };
    let user = api.accounts.login_user(&login.username).await?;
    // Attempts are counted where there is no such user too, so that they cost the same.
    let account = user.as_ref().map_or_else(|| login.username.to_lowercase(), ToString::to_string);
    let limits = api.bus.rate_limits();
    limits.check(Bucket::Logins, &account)?;
    limits.check(Bucket::FailedLogins, &account)?;
    if !api.accounts.verify_password(user.as_deref(), &login.password).await? {
        return Err(wrong());
    }
    limits.give_back(Bucket::FailedLogins, &account);
    user.ok_or_else(wrong)
}

async fn check_may_log_in(api: &ChatApi, user: &UserId) -> Result<(), Problem> {
    match api.accounts.user(user).await? {
        None => Err(Problem::forbidden("there is no such user")),
        Some(row) if row.is_deactivated => {
            let detail = "this account is deactivated";
            Err(Problem::new(StatusCode::FORBIDDEN, "user-deactivated", detail))
        }
        Some(row) if row.is_locked => {
            let detail = "this account is locked";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "user-locked", detail))
        }
        Some(_) => Ok(()),
    }
}

/// Opens a session on a new device.
pub(super) async fn open_session(
    api: &ChatApi,
    user: &UserId,
    device_name: Option<&str>,
) -> Result<LoggedIn, Problem> {
    let new = NewSession {
        device_display_name: device_name,
        refreshable: true,
        lifetime: Some(api.tokens.lifetime()),
        ..NewSession::new(user)
    };
    logged_in(api, api.accounts.open_session(new).await?).await
}

/// What a client is told of its session.
pub(super) async fn logged_in(api: &ChatApi, session: Session) -> Result<LoggedIn, Problem> {
    let token = api.tokens.issue(&session).await?;
    // Who logs in is there, for as long as after a sync.
    api.bus.presence().asked(&session.user);
    Ok(LoggedIn {
        token: token.text,
        token_type: "Bearer",
        expires_at: Timestamp::from_ms(token.expires_ms),
        user: OwnUser::load(api, &session.user).await?,
        refresh_token: session.refresh_token.unwrap_or_default(),
    })
}
