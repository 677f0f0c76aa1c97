//! `/account/3pid`: the e-mail addresses of an account (MSC2290).
//!
//! Addresses stay here: binding them at an identity server, where strangers can look them up, is
//! refused, and so nothing is ever to be unbound.

use axum::{Json, extract::State};
use hearth_accounts::{AccountEmail, Accounts, EmailPurpose};
use hearth_http::{ApiError, Interactive, Ruma, RumaResponse};
use http::StatusCode;
use ruma::{
    api::{
        client::account::{
            ThirdPartyIdRemovalStatus::NoSupport, add_3pid, bind_3pid, delete_3pid, get_3pids,
            unbind_3pid,
        },
        error::ErrorCode,
    },
    thirdparty::Medium,
};
use serde_json::{Value, json};

use super::{confirm::confirm, old_third_party_id::OldThirdPartyIdRequest};
use crate::error::Error;

/// `GET /account/3pid`.
pub(crate) async fn get_third_party_ids(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_3pids::v3::Request>,
) -> Result<Json<Value>, Error> {
    let emails = accounts.email_addresses(&caller.user).await?;
    let rendered = |email: AccountEmail| {
        json!({
            "medium": Medium::Email,
            "address": email.address,
            "validated_at": email.validated_ms,
            "added_at": email.added_ms,
        })
    };
    let emails: Vec<Value> = emails.into_iter().map(rendered).collect();
    Ok(Json(json!({ "threepids": emails })))
}

/// `POST /account/3pid/add`.
pub(crate) async fn add_third_party_id(
    State(accounts): State<Accounts>,
    interactive: Interactive<add_3pid::v3::Request>,
) -> Result<RumaResponse<add_3pid::v3::Response>, Error> {
    let Interactive { request, caller, .. } = &interactive;
    if !accounts.sends_mail() {
        return Err(Error::threepid_denied());
    }
    confirm(&accounts, caller, &interactive, request.auth.as_ref()).await?;
    let (session, secret) = (request.sid.as_str(), request.client_secret.as_str());
    let unproven = || {
        let message = "the e-mail address is not confirmed";
        ApiError::bad_request(ErrorCode::ThreepidAuthFailed, message)
    };
    let proven = accounts.take_proven_email(session, secret).ok_or_else(unproven)?;
    accounts.add_email(&caller.user, &proven.meant_for(EmailPurpose::Add)?).await?;
    Ok(RumaResponse(add_3pid::v3::Response::new()))
}

/// `POST /account/3pid/delete`.
pub(crate) async fn delete_third_party_id(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_3pid::v3::Request>,
) -> Result<RumaResponse<delete_3pid::v3::Response>, Error> {
    if request.medium == Medium::Email {
        accounts.remove_email(&caller.user, &request.address).await?;
    }
    Ok(RumaResponse(delete_3pid::v3::Response::new(NoSupport)))
}

/// `POST /account/3pid/unbind`.
pub(crate) async fn unbind_third_party_id(
    _: Ruma<unbind_3pid::v3::Request>,
) -> RumaResponse<unbind_3pid::v3::Response> {
    RumaResponse(unbind_3pid::v3::Response::new(NoSupport))
}

/// `POST /account/3pid/bind`.
pub(crate) async fn bind_third_party_id(_: Ruma<bind_3pid::v3::Request>) -> ApiError {
    let message = "this server does not trust identity servers";
    ApiError::bad_request(ErrorCode::ServerNotTrusted, message)
}

/// `POST /account/3pid`, deprecated: the same as binding, with an answer of its own.
pub(crate) async fn post_third_party_id(_: Ruma<OldThirdPartyIdRequest>) -> ApiError {
    let message = "this server does not trust identity servers";
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidAuthFailed, message)
}
