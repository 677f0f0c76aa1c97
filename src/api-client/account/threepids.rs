//! `GET /account/3pid`: nobody has an email address or a phone number here.

use axum::Json;
use hearth_http::Ruma;
use ruma::api::client::account::get_3pids::v3::Request;
use serde_json::{Value, json};

pub(crate) async fn get_threepids(_: Ruma<Request>) -> Json<Value> {
    Json(json!({ "threepids": [] }))
}
