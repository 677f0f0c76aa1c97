//! `GET /voip/turnServer`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::voip::get_turn_server_info;
use serde_json::json;

/// Credentials, or an empty object, as other servers without TURN answer.
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
