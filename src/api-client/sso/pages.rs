//! The pages that people see during a login. Plain HTML that loads nothing, in no frame.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hearth_sso::{Sso, SsoError};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ruma::UserId;
use url::{Url, form_urlencoded};

/// What pages may do: show their own style; the one below runs its own script, too.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";
const POLICY_WITH_SCRIPT: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                                  script-src 'unsafe-inline'; frame-ancestors 'none'; \
                                  base-uri 'none'; form-action 'none'";
const STYLE: &str = "body{font:1.1em/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;\
                     padding:0 1em;color:#222}a.go{display:inline-block;padding:.5em 1em;\
                     margin:.3em 0;border-radius:.4em;background:#7a3b12;color:#fff;\
                     text-decoration:none}b{overflow-wrap:anywhere}";

/// Asks through which provider to log in.
pub(super) fn choose(sso: &Sso, redirect_url: &str) -> Response {
    let redirect_url: String = form_urlencoded::byte_serialize(redirect_url.as_bytes()).collect();
    let link = |id: &str, name: &str| {
        let path = "/_matrix/client/v3/login/sso/redirect";
        button(&format!("{path}/{id}?redirectUrl={redirect_url}"), name)
    };
    let links: String =
        sso.providers().map(|provider| link(&provider.id, &provider.name)).collect();
    page(StatusCode::OK, "Log in with", &links, POLICY)
}

/// Asks whether the person means to log in to a client that the settings do not trust.
pub(super) fn go_on(user: &UserId, name: &str, url: &Url) -> Response {
    let text = format!(
        "<p>You are logging in to <b>{}</b> as <b>{}</b>. It will be able to do everything that \
         you can do. Go on only if you began this there.</p>{}",
        escaped(name),
        escaped(user.as_str()),
        button(url.as_str(), "Go on"),
    );
    page(StatusCode::OK, "Log in?", &text, POLICY)
}

/// Asks for a confirmation at the provider; what it is for, the client has said.
pub(super) fn confirm(links: &[(String, String)], cookie: String) -> Response {
    let links: String = links.iter().map(|(name, url)| button(url, name)).collect();
    let text = format!(
        "<p>An application of yours wants to change something in your account. If you asked it \
         to, confirm that it is you:</p>{links}"
    );
    let mut response = page(StatusCode::OK, "Is it you?", &text, POLICY);
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Tells the client that the stage is complete, as the specification wants.
pub(super) fn confirmed() -> Response {
    let text = "<p>Thank you. You can close this window and go on where you were.</p><script>\
                if(window.onAuthDone){window.onAuthDone()}else if(window.opener&&\
                window.opener.postMessage){window.opener.postMessage('authDone','*')}</script>";
    page(StatusCode::OK, "Confirmed", text, POLICY_WITH_SCRIPT)
}

/// Why it did not work. What only an administrator can do something about goes to the log.
pub(super) fn failed(error: &SsoError) -> Response {
    let status = match error {
        SsoError::UnknownProvider => StatusCode::NOT_FOUND,
        SsoError::BadRedirect(_) | SsoError::UnknownLogin => StatusCode::BAD_REQUEST,
        SsoError::Refused(_) | SsoError::NoAccount(_) => StatusCode::FORBIDDEN,
        SsoError::Provider(cause) => {
            tracing::warn!(error = &**cause, "a login provider cannot be used");
            StatusCode::BAD_GATEWAY
        }
        SsoError::Settings(_) | SsoError::Accounts(_) => {
            tracing::error!(%error, "a login failed");
            let text = "<p>Something went wrong here.</p>";
            return page(StatusCode::INTERNAL_SERVER_ERROR, "Not logged in", text, POLICY);
        }
    };
    let text = format!("<p>{}.</p>", escaped(&error.to_string()));
    page(status, "Not logged in", &text, POLICY)
}

fn button(url: &str, name: &str) -> String {
    format!("<p><a class=\"go\" href=\"{}\">{}</a></p>", escaped(url), escaped(name))
}

fn page(status: StatusCode, title: &str, body: &str, policy: &'static str) -> Response {
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    );
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let fixed = fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
    let headers: HeaderMap = <[(HeaderName, HeaderValue); 5]>::into_iter(fixed).collect();
    (status, headers, Body::from(html)).into_response()
}

/// Text as HTML, in an attribute too.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        assert_eq!(escaped("<b a=\"x\" b='y'>&"), "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
    }
}
