//! The page that the link of a letter leads to.
//!
//! Looking at it changes nothing, because programs look at the links of letters too: a person
//! presses the button. Where to go on is a link that shows its host, never a redirect, since
//! whoever asked for the letter chose it.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};
use hearth_accounts::{Accounts, EmailTokenOutcome, escape_html};
use serde::Deserialize;

/// The secrets of the link stay out of caches and of the requests that follow, and nothing but
/// the button can be pressed.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
    ),
];

/// The secrets of the link.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    sid: String,
    token: String,
}

/// `GET`: the button.
pub(crate) async fn show_email_page(link: Result<Query<Link>, QueryRejection>) -> Response {
    match link {
        Ok(Query(link)) if !link.sid.is_empty() && !link.token.is_empty() => page(
            StatusCode::OK,
            "Confirm your e-mail address",
            "<p>Press the button if you asked for this.</p>\
             <form method=\"post\"><button type=\"submit\">Confirm</button></form>",
        ),
        _ => refused(),
    }
}

/// `POST`: the button was pressed.
pub(crate) async fn submit_email_page(
    State(accounts): State<Accounts>,
    link: Result<Query<Link>, QueryRejection>,
) -> Response {
    let Link { sid, token } = link.map(|Query(link)| link).unwrap_or_default();
    match accounts.submit_email_token(&sid, &token) {
        EmailTokenOutcome::Validated { next_link: None } => done(""),
        EmailTokenOutcome::Validated { next_link: Some(next) } => {
            let next = escape_html(&next);
            done(&format!("<p>Or go on at <a rel=\"noreferrer\" href=\"{next}\">{next}</a></p>"))
        }
        EmailTokenOutcome::Refused => refused(),
    }
}

fn done(more: &str) -> Response {
    let text = format!("<p>You can close this page and go back to your client.</p>{more}");
    page(StatusCode::OK, "Your e-mail address is confirmed", &text)
}

fn refused() -> Response {
    let text = "<p>The link is not complete, too old, or was used already. Ask your client for \
                another letter.</p>";
    page(StatusCode::BAD_REQUEST, "This link does not work", text)
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    );
    (status, HEADERS, page).into_response()
}
