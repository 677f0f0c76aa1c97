//! `POST /keys/query`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::keys::get_keys::v3::{Request, Response};

use super::failures::of_other_servers;
use crate::error::Error;

pub(crate) async fn query_keys(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let found = accounts.query_keys(&caller.user, &request.device_keys).await?;
    let mut response = Response::new();
    response.failures = of_other_servers(&accounts, request.device_keys.keys());
    response.device_keys = found.device_keys;
    response.master_keys = found.master_keys;
    response.self_signing_keys = found.self_signing_keys;
    response.user_signing_keys = found.user_signing_keys;
    Ok(RumaResponse(response))
}
