//! `/user/{userId}/filter`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::api::client::filter::{create_filter, get_filter};

use super::own::check_own;
use crate::error::Error;

pub(crate) async fn create_filter(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<create_filter::v3::Request>,
) -> Result<RumaResponse<create_filter::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let id = accounts.create_filter(&caller.user, &request.filter).await?;
    Ok(RumaResponse(create_filter::v3::Response::new(id)))
}

pub(crate) async fn get_filter(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_filter::v3::Request>,
) -> Result<RumaResponse<get_filter::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let filter = accounts.filter(&caller.user, &request.filter_id).await?;
    let filter = filter.ok_or_else(|| ApiError::not_found("there is no such filter"))?;
    Ok(RumaResponse(get_filter::v3::Response::new(filter)))
}
