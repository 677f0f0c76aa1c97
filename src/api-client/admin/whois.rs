//! `GET /admin/whois/{userId}`: from where a user's devices were used last.

use axum::{Json, extract::State};
use hearth_accounts::{Accounts, Device};
use hearth_http::{ApiError, Ruma};
use ruma::api::client::admin::get_user_info::v3::Request;
use serde_json::{Map, Value, json};

use crate::error::Error;

pub(crate) async fn whois(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<Json<Value>, Error> {
    let user_id = &request.user_id;
    if caller.user != *user_id && !caller.is_admin {
        return Err(ApiError::forbidden("only administrators may look at others").into());
    }
    if accounts.user(user_id).await?.is_none() {
        return Err(ApiError::not_found("there is no such user here").into());
    }
    let devices = accounts.devices(user_id).await?;
    let devices: Map<String, Value> = devices.into_iter().map(rendered).collect();
    Ok(Json(json!({ "user_id": user_id, "devices": devices })))
}

/// A device has one session here, with the connection that was seen last.
fn rendered(device: Device) -> (String, Value) {
    let mut connections = Vec::new();
    if let (Some(ip), Some(at_ms)) = (device.last_seen_ip, device.last_seen_ms) {
        connections.push(json!({ "ip": ip, "last_seen": at_ms }));
    }
    let sessions = json!([{ "connections": connections }]);
    (device.device_id.to_string(), json!({ "sessions": sessions }))
}
