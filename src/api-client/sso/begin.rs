//! `GET /login/sso/redirect` and `GET /login/sso/redirect/{idpId}`.

use axum::{extract::State, response::Response};
use hearth_http::Ruma;
use hearth_sso::{Purpose, Sso, SsoError};
use http::HeaderMap;
use ruma::api::client::session::{sso_login, sso_login_with_provider};

use super::{
    browser::{Browser, redirect},
    pages,
};

/// Without a provider: the only one, or a page to choose one.
pub(crate) async fn begin(
    State(sso): State<Sso>,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<sso_login::v3::Request>,
) -> Response {
    let mut providers = sso.providers();
    match (providers.next(), providers.next()) {
        (None, _) => pages::failed(&SsoError::UnknownProvider),
        (Some(only), None) => {
            let id = only.id.clone();
            drop(providers);
            send(&sso, &headers, &id, &request.redirect_url).await
        }
        _ => {
            drop(providers);
            pages::choose(&sso, &request.redirect_url)
        }
    }
}

/// With a provider.
pub(crate) async fn begin_with(
    State(sso): State<Sso>,
    headers: HeaderMap,
    Ruma { request, .. }: Ruma<sso_login_with_provider::v3::Request>,
) -> Response {
    send(&sso, &headers, &request.idp_id, &request.redirect_url).await
}

async fn send(sso: &Sso, headers: &HeaderMap, provider: &str, redirect_url: &str) -> Response {
    let browser = Browser::of(sso, headers);
    let begun = async {
        let purpose = Purpose::LogIn(sso.target(redirect_url)?);
        sso.begin(provider, purpose, browser.secret()).await
    };
    match begun.await {
        Ok(url) => redirect(&url, browser.cookie(sso)),
        Err(error) => pages::failed(&error),
    }
}
