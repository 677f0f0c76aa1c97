//! `/pushers`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_push::Push;
use ruma::api::client::push::{
    get_pushers,
    set_pusher::{self, v3::PusherAction},
};

use crate::error::Error;

pub(crate) async fn get_pushers(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_pushers::v3::Request>,
) -> Result<RumaResponse<get_pushers::v3::Response>, Error> {
    let stored = accounts.pushers(&caller.user).await?;
    let pushers = stored.into_iter().map(|stored| stored.pusher).collect();
    Ok(RumaResponse(get_pushers::v3::Response::new(pushers)))
}

pub(crate) async fn set_pusher(
    State(accounts): State<Accounts>,
    State(push): State<Push>,
    Ruma { request, caller }: Ruma<set_pusher::v3::Request>,
) -> Result<RumaResponse<set_pusher::v3::Response>, Error> {
    match request.action {
        PusherAction::Post(data) => {
            push.check_pusher(&caller.user, &data.pusher).await?;
            let (device, append) = (caller.device.as_deref(), data.append);
            accounts.set_pusher(&caller.user, device, &data.pusher, append).await?;
        }
        PusherAction::Delete(ids) => accounts.delete_pusher(&caller.user, &ids).await?,
        _ => return Err(ApiError::invalid_param("there is no such kind of pusher").into()),
    }
    Ok(RumaResponse(set_pusher::v3::Response::new()))
}
