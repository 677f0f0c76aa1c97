//! `POST /keys/signatures/upload`.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use hearth_accounts::{Accounts, SignatureFailure};
use hearth_http::Ruma;
use ruma::{OwnedUserId, api::client::keys::upload_signatures::v3::Request};
use serde_json::{Value, json};

use crate::error::Error;

pub(crate) async fn upload_signatures(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<Json<Value>, Error> {
    let failures = accounts.upload_signatures(&caller.user, &request.signed_keys).await?;
    let failures: BTreeMap<OwnedUserId, BTreeMap<String, Value>> = failures
        .into_iter()
        .map(|(user, keys)| (user, keys.into_iter().map(|(key, why)| (key, error(&why))).collect()))
        .collect();
    Ok(Json(json!({ "failures": failures })))
}

fn error(failure: &SignatureFailure) -> Value {
    let code = match failure {
        SignatureFailure::Invalid(_) => "M_INVALID_SIGNATURE",
        SignatureFailure::UnknownKey => "M_NOT_FOUND",
    };
    json!({ "errcode": code, "error": failure.to_string() })
}
