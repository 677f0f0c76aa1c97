//! `/devices` and `/delete_devices`. Application services make devices for their users, too.

use axum::{Json, extract::State};
use hearth_accounts::{Accounts, Device};
use hearth_http::{ApiError, Interactive, Ruma, RumaResponse};
use http::StatusCode;
use ruma::{
    OwnedDeviceId,
    api::client::device::{delete_device, delete_devices, get_device, get_devices, update_device},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::confirm::confirm;
use crate::error::Error;

pub(crate) async fn get_devices(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_devices::v3::Request>,
) -> Result<Json<Value>, Error> {
    let devices = accounts.devices(&caller.user).await?;
    let devices: Vec<RenderedDevice> = devices.into_iter().map(Into::into).collect();
    Ok(Json(json!({ "devices": devices })))
}

pub(crate) async fn get_device(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_device::v3::Request>,
) -> Result<Json<RenderedDevice>, Error> {
    let device = accounts.device(&caller.user, &request.device_id).await?;
    let device = device.ok_or_else(|| ApiError::not_found("you have no such device"))?;
    Ok(Json(device.into()))
}

pub(crate) async fn update_device(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<update_device::v3::Request>,
) -> Result<(StatusCode, RumaResponse<update_device::v3::Response>), Error> {
    let (user, device) = (&caller.user, &request.device_id);
    let name = request.display_name.as_deref();
    let is_new = match caller.application_service {
        Some(_) => accounts.put_device(user, device, name).await?,
        None => accounts.rename_device(user, device, name).await.map(|()| false)?,
    };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, RumaResponse(update_device::v3::Response::new())))
}

pub(crate) async fn delete_device(
    State(accounts): State<Accounts>,
    interactive: Interactive<delete_device::v3::Request>,
) -> Result<RumaResponse<delete_device::v3::Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
    let device = std::slice::from_ref(&request.device_id);
    accounts.delete_devices(&caller.user, device).await?;
    Ok(RumaResponse(delete_device::v3::Response::new()))
}

pub(crate) async fn delete_devices(
    State(accounts): State<Accounts>,
    interactive: Interactive<delete_devices::v3::Request>,
) -> Result<RumaResponse<delete_devices::v3::Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
    accounts.delete_devices(&caller.user, &request.devices).await?;
    Ok(RumaResponse(delete_devices::v3::Response::new()))
}

/// A device as its user sees it. What is not known is null: matrix-nio wants every key.
#[derive(Serialize)]
pub(crate) struct RenderedDevice {
    device_id: OwnedDeviceId,
    display_name: Option<String>,
    last_seen_ip: Option<String>,
    last_seen_ts: Option<u64>,
}

impl From<Device> for RenderedDevice {
    fn from(device: Device) -> Self {
        let Device { device_id, display_name, last_seen_ms, last_seen_ip } = device;
        Self { device_id, display_name, last_seen_ip, last_seen_ts: last_seen_ms }
    }
}
