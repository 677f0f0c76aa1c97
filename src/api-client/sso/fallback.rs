//! `GET /auth/{type}/fallback/web`: completes a stage of user-interactive authentication in a
//! browser (specification, client-server API, fallback). `m.login.sso` is the only stage that
//! needs it here.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma};
use hearth_sso::{Purpose, Sso, SsoError};
use http::HeaderMap;
use ruma::api::client::uiaa::{AuthType, get_uiaa_fallback_page::v3::Request};

use super::{browser::Browser, pages};

pub(crate) async fn fallback(
    State(sso): State<Sso>,
    State(accounts): State<Accounts>,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<Request>,
) -> Response {
    if request.auth_type != AuthType::Sso {
        return ApiError::not_found("this stage has no page").into_response();
    }
    let browser = Browser::of(&sso, &headers);
    match links(&sso, &accounts, &request.session, &browser).await {
        Ok(links) => pages::confirm(&links, browser.cookie(&sso)),
        Err(error) => pages::failed(&error),
    }
}

/// The providers of the user whose session it is, and where to go for each.
async fn links(
    sso: &Sso,
    accounts: &Accounts,
    session: &str,
    browser: &Browser,
) -> Result<Vec<(String, String)>, SsoError> {
    let user = accounts.interactive_user(session).flatten().ok_or(SsoError::UnknownLogin)?;
    let known = accounts.external_ids(&user).await?;
    let mut links = Vec::new();
    for provider in sso.providers() {
        if known.iter().any(|id| id.issuer == provider.issuer) {
            let purpose = Purpose::Confirm { session: session.to_owned() };
            let url = sso.begin(&provider.id, purpose, browser.secret()).await?;
            links.push((provider.name.clone(), url.to_string()));
        }
    }
    if links.is_empty() { Err(SsoError::UnknownProvider) } else { Ok(links) }
}
