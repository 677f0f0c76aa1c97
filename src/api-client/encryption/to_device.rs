//! `PUT /sendToDevice/{eventType}/{txnId}`.

use axum::extract::State;
use hearth_accounts::{Accounts, ToDeviceSend};
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::to_device::send_event_to_device::v3::{Request, Response};

use crate::error::Error;

pub(crate) async fn send_to_device(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let send = ToDeviceSend {
        sender: &caller.user,
        device: caller.device.as_deref(),
        transaction: &request.txn_id,
        kind: &request.event_type.to_string(),
        messages: &request.messages,
    };
    accounts.send_to_device(send).await?;
    Ok(RumaResponse(Response::new()))
}
