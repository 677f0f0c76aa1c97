//! `POST /keys/claim`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::keys::claim_keys::v3::{Request, Response};

use super::failures::of_other_servers;
use crate::error::Error;

pub(crate) async fn claim_keys(
    State(accounts): State<Accounts>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let mut response = Response::new(accounts.claim_keys(&request.one_time_keys).await?);
    response.failures = of_other_servers(&accounts, request.one_time_keys.keys());
    Ok(RumaResponse(response))
}
