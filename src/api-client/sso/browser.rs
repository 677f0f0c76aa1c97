//! The cookie by which a browser is known again when it comes back from a provider.
//!
//! It is no session: it says that two requests came from one browser, and nothing about whose it
//! is. A browser that has one keeps it, so that several logins may go on side by side.

use axum::response::{IntoResponse, Response};
use hearth_sso::Sso;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE},
};
use url::Url;

const COOKIE_NAME: &str = "hearth_sso";
const COOKIE_SECONDS: u32 = 60 * 60;
/// Length of what we put into the cookie.
const SECRET_LENGTH: usize = 43;

/// A browser.
pub(super) struct Browser(String);

impl Browser {
    /// The browser of a request; a new one if it has no cookie of ours.
    pub(super) fn of(sso: &Sso, headers: &HeaderMap) -> Self {
        Self::known(headers).unwrap_or_else(|| Self(sso.new_browser()))
    }

    /// The browser of a request that has our cookie.
    pub(super) fn known(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';')).map(str::trim);
        let secret = pairs.find_map(|pair| pair.strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
        let is_ours = secret.len() == SECRET_LENGTH
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_ours.then(|| Self(secret.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// `Lax`, because the provider sends the browser back by a link.
    pub(super) fn cookie(&self, sso: &Sso) -> String {
        let secure = if sso.is_public_address_secure() { "; Secure" } else { "" };
        format!(
            "{COOKIE_NAME}={}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{secure}",
            self.0
        )
    }
}

/// 302 to `url`, with a cookie.
pub(super) fn redirect(url: &Url, cookie: String) -> Response {
    let headers = [(LOCATION, url.to_string()), (SET_COOKIE, cookie)];
    let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::FOUND, headers, no_store).into_response()
}
