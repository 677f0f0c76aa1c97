//! `POST /keys/device_signing/upload`.

use axum::extract::State;
use hearth_accounts::{Accounts, CrossSigningKeys, CrossSigningUpload};
use hearth_http::{ApiError, Interactive, RumaResponse};
use ruma::api::client::keys::upload_signing_keys::v3::{Request, Response};

use crate::{account::confirm, error::Error};

pub(crate) async fn upload_cross_signing_keys(
    State(accounts): State<Accounts>,
    interactive: Interactive<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    let keys = CrossSigningKeys {
        master: request.master_key.clone(),
        self_signing: request.self_signing_key.clone(),
        user_signing: request.user_signing_key.clone(),
    };
    // Who has no keys yet, or sends the same again, is not asked for the password (MSC3967).
    let kind = accounts.cross_signing_upload_kind(&caller.user, &keys).await?;
    match kind {
        CrossSigningUpload::Replacement => {
            confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
        }
        CrossSigningUpload::First if keys.master.is_none() => {
            return Err(ApiError::missing_param("there is no master key").into());
        }
        CrossSigningUpload::First | CrossSigningUpload::Unchanged => {}
    }
    accounts.upload_cross_signing_keys(&caller.user, &keys).await?;
    Ok(RumaResponse(Response::new()))
}
