//! Sessions: who am I, a new token, the end.

use axum::extract::State;
use hearth_accounts::AccountsError;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::login::{LoggedIn, logged_in};
use crate::{Anybody, Caller, ChatApi, Faults, Json, Problem, Validate, views::OwnUser};

/// Longest refresh token that is looked at, in characters.
const REFRESH_TOKEN_CHARACTERS_MAX: usize = 255;

/// The user whose token goes with the request.
#[utoipa::path(
    get, path = "/auth/me", tag = "auth",
    responses((status = 200, description = "The user", body = OwnUser)),
)]
pub(crate) async fn get_me(
    State(api): State<ChatApi>,
    caller: Caller,
) -> Result<Json<OwnUser>, Problem> {
    Ok(Json(OwnUser::load(&api, caller.user_id()).await?))
}

/// Ends the session: its tokens are worth nothing from now on.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "Logged out")),
)]
pub(crate) async fn logout(
    State(api): State<ChatApi>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    let device = caller.device_id().to_owned();
    api.accounts.delete_devices(caller.user_id(), &[device]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a new token is had for.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Refresh {
    /// The refresh token that came with the token.
    #[schema(min_length = 1, max_length = 255)]
    refresh_token: String,
}

impl Validate for Refresh {
    fn validate(&self, faults: &mut Faults) {
        let allowed = 1..=REFRESH_TOKEN_CHARACTERS_MAX;
        faults.characters("refresh_token", &self.refresh_token, allowed);
    }
}

/// Trades a refresh token for a new token of the same session. The old refresh token is worth
/// nothing once the new token was used.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth", security(()), request_body = Refresh,
    responses((status = 200, description = "A new token", body = LoggedIn)),
)]
pub(crate) async fn refresh(
    State(api): State<ChatApi>,
    _: Anybody,
    Json(Refresh { refresh_token }): Json<Refresh>,
) -> Result<Json<LoggedIn>, Problem> {
    let lifetime = Some(api.tokens.lifetime());
    let session = match api.accounts.refresh_session(&refresh_token, lifetime).await {
        Err(AccountsError::UnknownToken) => {
            return Err(Problem::unauthorized("the refresh token is not valid"));
        }
        session => session?,
    };
    Ok(Json(logged_in(&api, session).await?))
}
