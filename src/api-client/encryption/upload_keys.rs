//! `POST /keys/upload`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::keys::upload_keys::v3::{Request, Response};

use crate::error::Error;

pub(crate) async fn upload_keys(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let (user, device) = (&caller.user, caller.device_id()?);
    if let Some(keys) = &request.device_keys {
        accounts.upload_device_keys(user, device, keys).await?;
    }
    if !request.one_time_keys.is_empty() || !request.fallback_keys.is_empty() {
        let (one_time, fallback) = (&request.one_time_keys, &request.fallback_keys);
        accounts.upload_one_time_keys(user, device, one_time, fallback).await?;
    }
    let counts = accounts.key_counts(user, device).await?;
    Ok(RumaResponse(Response::new(counts.one_time_keys)))
}
