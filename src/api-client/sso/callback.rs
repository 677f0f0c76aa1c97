//! Where a provider sends the browser back to.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use hearth_accounts::Accounts;
use hearth_sso::{Callback, Finished, Purpose, Sso, SsoError};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, LOCATION},
};
use ruma::api::client::uiaa::AuthType;
use serde::Deserialize;

use super::{browser::Browser, pages};

/// The path that the settings of a provider have to name.
pub(crate) const PATH: &str = "/_hearth/sso/callback";

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

pub(crate) async fn callback(
    State(sso): State<Sso>,
    State(accounts): State<Accounts>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    let Parameters { state, code, error, iss } = parameters;
    let callback = Callback { state, code, error, issuer: iss };
    let Some(browser) = Browser::known(&headers) else {
        return pages::failed(&SsoError::UnknownLogin);
    };
    let Finished { user, purpose } = match sso.finish(callback, browser.secret()).await {
        Ok(finished) => finished,
        Err(error) => return pages::failed(&error),
    };
    match purpose {
        Purpose::LogIn(target) => {
            let (token, _) = accounts.create_login_token(&user);
            let url = target.with_token(&token);
            if !target.is_trusted() {
                return pages::go_on(&user, &target.name(), &url);
            }
            let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::FOUND, no_store, [(LOCATION, url.to_string())]).into_response()
        }
        Purpose::Confirm { session } => {
            if accounts.complete_interactive_stage(&session, &user, AuthType::Sso) {
                pages::confirmed()
            } else {
                let message = format!("you are {user} there, who did not ask for this");
                pages::failed(&SsoError::NoAccount(message))
            }
        }
    }
}
