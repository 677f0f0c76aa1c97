//! `GET /ws`: how a socket is opened.
//!
//! The token comes with the handshake, as a subprotocol or in the header of all other requests, or
//! with the first frame. It is never taken from the address: addresses end up in logs.

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, ORIGIN, SEC_WEBSOCKET_PROTOCOL},
};

use super::{
    command::{Hello, Wish},
    connection::Connection,
    form::{COMPACT_PROTOCOL, Form, JSON_PROTOCOL},
    limits::{FRAME_BYTES_READ_MAX, READ_BUFFER_BYTES},
    listening,
};
use crate::{ChatApi, Problem, Query, Settings};

/// What the subprotocol begins with that is no protocol but the token.
const TOKEN_PROTOCOL_PREFIX: &str = "hearth.token.";

/// Open a WebSocket
///
/// Offer the subprotocol `hearth.chat.v1.json`, or `hearth.chat.v1.msgpack` for the compact form,
/// and the token as the subprotocol `hearth.token.TOKEN`. Who cannot do that says it in the first
/// frame, `hello`, with what is otherwise said in the query.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "live",
    params(Wish),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request is no handshake of a WebSocket"),
    ),
)]
pub(crate) async fn open_socket(
    State(api): State<ChatApi>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    check_origin(&api.settings, &headers)?;
    let upgrade = upgrade.map_err(|rejection| {
        let kind = "no-websocket";
        Problem::new(StatusCode::UPGRADE_REQUIRED, kind, rejection.body_text())
    })?;
    // Who comes with a token that is not valid learns it before there is a socket.
    let hello = token(&headers).map(|token| Hello { token: token.to_owned(), wish });
    if let Some(hello) = &hello {
        listening(&api, &hello.token).await?;
    }
    let upgrade = upgrade
        .protocols([JSON_PROTOCOL, COMPACT_PROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(FRAME_BYTES_READ_MAX)
        .max_frame_size(FRAME_BYTES_READ_MAX);
    let chosen = upgrade.selected_protocol();
    let is_compact = chosen.is_some_and(|protocol| protocol == COMPACT_PROTOCOL);
    let form = if is_compact { Form::Compact } else { Form::Json };
    let tasks = api.tasks.clone();
    Ok(upgrade.on_upgrade(async move |socket: WebSocket| {
        // The server waits for it at its end.
        let _ = tasks.spawn(Connection::new(api, socket, form).serve(hello)).await;
    }))
}

/// Pages of other origins than those that the settings allow get no socket. What is no page sends
/// no origin.
fn check_origin(settings: &Settings, headers: &HeaderMap) -> Result<(), Problem> {
    let allowed = &settings.allowed_origins;
    let Some(origin) = headers.get(ORIGIN).filter(|_| !allowed.is_empty()) else {
        return Ok(());
    };
    if allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return Ok(());
    }
    Err(Problem::forbidden("pages of this origin may not connect"))
}

/// The token of a handshake.
fn token(headers: &HeaderMap) -> Option<&str> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(','));
    let offered = offered.find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL_PREFIX));
    offered.or_else(|| {
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use ruma::server_name;

    use super::*;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_token_stands_among_the_protocols_or_in_the_header() {
        let protocols =
            headers(&[(SEC_WEBSOCKET_PROTOCOL, "hearth.chat.v1.json, hearth.token.a.b-c")]);
        assert_eq!(token(&protocols), Some("a.b-c"));
        assert_eq!(token(&headers(&[(AUTHORIZATION, "bearer x")])), Some("x"));
        assert_eq!(token(&headers(&[(SEC_WEBSOCKET_PROTOCOL, "hearth.chat.v1.json")])), None);
    }

    #[test]
    fn only_allowed_origins_connect() {
        let mut settings = Settings::new(server_name!("hearth").to_owned());
        let page = headers(&[(ORIGIN, "https://evil.test")]);
        assert!(check_origin(&settings, &page).is_ok());
        settings.allowed_origins = vec!["https://chat.test".to_owned()];
        assert_eq!(check_origin(&settings, &page).unwrap_err().status(), 403);
        assert!(check_origin(&settings, &headers(&[(ORIGIN, "https://chat.test")])).is_ok());
        assert!(check_origin(&settings, &HeaderMap::new()).is_ok());
    }
}
