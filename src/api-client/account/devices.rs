//! `/devices` and `/delete_devices`. Application services make devices for their users, too.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Interactive, Ruma, RumaResponse};
use http::StatusCode;
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::client::device::{
        Device, delete_device, delete_devices, get_device, get_devices, update_device,
    },
};

use super::confirm::confirm;
use crate::error::Error;

pub(crate) async fn get_devices(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_devices::v3::Request>,
) -> Result<RumaResponse<get_devices::v3::Response>, Error> {
    let devices = accounts.devices(&caller.user).await?;
    let devices = devices.into_iter().map(rendered).collect();
    Ok(RumaResponse(get_devices::v3::Response::new(devices)))
}

pub(crate) async fn get_device(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_device::v3::Request>,
) -> Result<RumaResponse<get_device::v3::Response>, Error> {
    let device = accounts.device(&caller.user, &request.device_id).await?;
    let device = device.ok_or_else(|| ApiError::not_found("you have no such device"))?;
    Ok(RumaResponse(get_device::v3::Response::new(rendered(device))))
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

fn rendered(device: hearth_accounts::Device) -> Device {
    let mut rendered = Device::new(device.device_id);
    rendered.display_name = device.display_name;
    rendered.last_seen_ip = device.last_seen_ip;
    rendered.last_seen_ts =
        device.last_seen_ms.map(UInt::new_saturating).map(MilliSecondsSinceUnixEpoch);
    rendered
}
