//! `/dehydrated_device`: a device that waits on the server (MSC3814).

use axum::extract::State;
use hearth_accounts::{Accounts, NewDehydratedDevice};
use hearth_base::StreamPosition;
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::api::client::dehydrated_device::{
    delete_dehydrated_device, get_dehydrated_device, get_events, put_dehydrated_device,
};

use crate::error::Error;

pub(crate) async fn put_dehydrated_device(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<put_dehydrated_device::unstable::Request>,
) -> Result<RumaResponse<put_dehydrated_device::unstable::Response>, Error> {
    let new = NewDehydratedDevice {
        device: request.device_id.clone(),
        display_name: request.initial_device_display_name,
        data: request.device_data,
        keys: request.device_keys,
        one_time_keys: request.one_time_keys,
        fallback_keys: request.fallback_keys,
    };
    accounts.put_dehydrated_device(&caller.user, &new).await?;
    Ok(RumaResponse(put_dehydrated_device::unstable::Response::new(request.device_id)))
}

pub(crate) async fn get_dehydrated_device(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_dehydrated_device::unstable::Request>,
) -> Result<RumaResponse<get_dehydrated_device::unstable::Response>, Error> {
    let found = accounts.dehydrated_device(&caller.user).await?;
    let (device, data) = found.ok_or_else(no_dehydrated_device)?;
    Ok(RumaResponse(get_dehydrated_device::unstable::Response::new(device, data)))
}

pub(crate) async fn delete_dehydrated_device(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<delete_dehydrated_device::unstable::Request>,
) -> Result<RumaResponse<delete_dehydrated_device::unstable::Response>, Error> {
    let deleted = accounts.delete_dehydrated_device(&caller.user).await?;
    let deleted = deleted.ok_or_else(no_dehydrated_device)?;
    Ok(RumaResponse(delete_dehydrated_device::unstable::Response::new(deleted)))
}

/// `POST /dehydrated_device/{deviceId}/events`: a page of what was sent to it. The last page is
/// empty and names no next one.
pub(crate) async fn get_dehydrated_events(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_events::unstable::Request>,
) -> Result<RumaResponse<get_events::unstable::Response>, Error> {
    let since = match &request.next_batch {
        Some(token) => {
            let position = token.parse().map_err(|_| ApiError::invalid_param("bad next_batch"))?;
            StreamPosition(position)
        }
        None => StreamPosition::ZERO,
    };
    let (user, device) = (&caller.user, &request.device_id);
    let messages = accounts.dehydrated_device_messages(user, device, since).await?;
    let next = messages.last().map(|message| message.position.0.to_string());
    let events = messages.into_iter().map(|message| message.event).collect();
    let mut response = get_events::unstable::Response::new(events);
    response.next_batch = next;
    Ok(RumaResponse(response))
}

fn no_dehydrated_device() -> ApiError {
    ApiError::not_found("you have no dehydrated device")
}
