//! `/.well-known/matrix/…`, for those who reach the client listener under the server name.

use std::sync::Arc;

use axum::{Json, extract::State};
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::api::client::discovery::{
    discover_homeserver::{self, HomeserverInfo},
    discover_support,
};
use serde_json::{Value, json};

use crate::{Settings, error::Error};

pub(crate) async fn homeserver(
    State(settings): State<Arc<Settings>>,
    _: Ruma<discover_homeserver::Request>,
) -> Result<RumaResponse<discover_homeserver::Response>, Error> {
    let base_url = settings.client_base_url.clone().ok_or_else(not_set)?;
    Ok(RumaResponse(discover_homeserver::Response::new(HomeserverInfo::new(base_url))))
}

/// `GET /.well-known/matrix/server`, which belongs to the server-server API.
pub(crate) async fn server_address(
    State(settings): State<Arc<Settings>>,
) -> Result<Json<Value>, Error> {
    let address = settings.server_address.as_ref().ok_or_else(not_set)?;
    Ok(Json(json!({ "m.server": address })))
}

/// `GET /.well-known/matrix/policy_server`: the key of the policy server under the server name.
pub(crate) async fn policy_server(
    State(settings): State<Arc<Settings>>,
) -> Result<Json<Value>, Error> {
    let key = settings.policy_server_key.as_ref().ok_or_else(not_set)?;
    Ok(Json(json!({ "public_keys": { "ed25519": key } })))
}

pub(crate) async fn support(
    State(settings): State<Arc<Settings>>,
    _: Ruma<discover_support::Request>,
) -> Result<RumaResponse<discover_support::Response>, Error> {
    let contacts = settings.support.contacts.clone();
    if contacts.is_empty() && settings.support.page.is_none() {
        return Err(not_set().into());
    }
    let mut response = discover_support::Response::with_contacts(contacts);
    response.support_page = settings.support.page.clone();
    Ok(RumaResponse(response))
}

fn not_set() -> ApiError {
    ApiError::not_found("this server has nothing to say about that")
}
