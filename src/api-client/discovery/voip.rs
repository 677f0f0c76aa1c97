//! What calls and bridges offer: TURN servers, and third-party networks, of which there are none.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::{thirdparty::get_protocols, voip::get_turn_server_info};
use serde_json::json;

/// `GET /voip/turnServer`: credentials, or an empty object, as other servers without TURN answer.
pub(crate) async fn turn_server(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_turn_server_info::v3::Request>,
) -> Response {
    let Some(turn) = accounts.turn_credentials(&caller.user) else {
        return Json(json!({})).into_response();
    };
    let (name, password) = (turn.username, turn.password);
    let response =
        get_turn_server_info::v3::Response::new(name, password, turn.uris, turn.lifetime);
    RumaResponse(response).into_response()
}

/// `GET /thirdparty/protocols`.
pub(crate) async fn third_party_protocols(
    _: Ruma<get_protocols::v3::Request>,
) -> RumaResponse<get_protocols::v3::Response> {
    RumaResponse(get_protocols::v3::Response::new(BTreeMap::new()))
}
