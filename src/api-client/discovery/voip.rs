//! What clients ask for and this server does not have: TURN servers and third-party networks.

use std::collections::BTreeMap;

use axum::Json;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::{thirdparty::get_protocols, voip::get_turn_server_info};
use serde_json::{Value, json};

/// `GET /voip/turnServer`: an empty object, as other servers without TURN answer.
pub(crate) async fn turn_server(_: Ruma<get_turn_server_info::v3::Request>) -> Json<Value> {
    Json(json!({}))
}

/// `GET /thirdparty/protocols`.
pub(crate) async fn third_party_protocols(
    _: Ruma<get_protocols::v3::Request>,
) -> RumaResponse<get_protocols::v3::Response> {
    RumaResponse(get_protocols::v3::Response::new(BTreeMap::new()))
}
