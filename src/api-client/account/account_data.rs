//! Account data, global and of rooms.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma, RumaResponse};
use http::StatusCode;
use ruma::{
    api::{
        client::config::{
            get_global_account_data, get_room_account_data, set_global_account_data,
            set_room_account_data,
        },
        error::ErrorCode,
    },
    serde::Raw,
};

use super::own::check_own;
use crate::error::Error;

pub(crate) async fn get_global_account_data(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_global_account_data::v3::Request>,
) -> Result<RumaResponse<get_global_account_data::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let kind = request.event_type.to_string();
    let content = accounts.account_data(&caller.user, None, &kind).await?;
    let content = Raw::from_json(content.ok_or_else(absent)?);
    Ok(RumaResponse(get_global_account_data::v3::Response::new(content)))
}

pub(crate) async fn set_global_account_data(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<set_global_account_data::v3::Request>,
) -> Result<RumaResponse<set_global_account_data::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let kind = request.event_type.to_string();
    check_not_reserved(&kind)?;
    accounts.set_account_data(&caller.user, None, &kind, request.data.json()).await?;
    Ok(RumaResponse(set_global_account_data::v3::Response::new()))
}

pub(crate) async fn get_room_account_data(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_room_account_data::v3::Request>,
) -> Result<RumaResponse<get_room_account_data::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let kind = request.event_type.to_string();
    let content = accounts.account_data(&caller.user, Some(&request.room_id), &kind).await?;
    let content = Raw::from_json(content.ok_or_else(absent)?);
    Ok(RumaResponse(get_room_account_data::v3::Response::new(content)))
}

pub(crate) async fn set_room_account_data(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<set_room_account_data::v3::Request>,
) -> Result<RumaResponse<set_room_account_data::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let kind = request.event_type.to_string();
    check_not_reserved(&kind)?;
    let (room, content) = (Some(&*request.room_id), request.data.json());
    accounts.set_account_data(&caller.user, room, &kind, content).await?;
    Ok(RumaResponse(set_room_account_data::v3::Response::new()))
}

fn absent() -> ApiError {
    ApiError::not_found("there is no account data of this type")
}

/// Refuses what has endpoints of its own (specification: 405 with `M_BAD_JSON`).
pub(super) fn check_not_reserved(kind: &str) -> Result<(), ApiError> {
    if Accounts::is_reserved_account_data(kind) {
        let message = format!("{kind} is not set as account data");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(ApiError::new(status, ErrorCode::BadJson, message));
    }
    Ok(())
}
