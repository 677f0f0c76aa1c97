//! `/room_keys/version`: versions of the key backup.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::{
    UInt,
    api::client::backup::{
        create_backup_version, delete_backup_version, get_backup_info, get_latest_backup_info,
        update_backup_version,
    },
};

use crate::error::Error;

pub(crate) async fn create_backup_version(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<create_backup_version::v3::Request>,
) -> Result<RumaResponse<create_backup_version::v3::Response>, Error> {
    let version = accounts.create_backup_version(&caller.user, &request.algorithm).await?;
    Ok(RumaResponse(create_backup_version::v3::Response::new(version)))
}

pub(crate) async fn get_latest_backup_version(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_latest_backup_info::v3::Request>,
) -> Result<RumaResponse<get_latest_backup_info::v3::Response>, Error> {
    let found = accounts.latest_backup_version(&caller.user).await?.ok_or_else(no_backup)?;
    Ok(RumaResponse(get_latest_backup_info::v3::Response::new(
        found.algorithm,
        UInt::new_saturating(found.count),
        found.etag,
        found.version,
    )))
}

pub(crate) async fn get_backup_version(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_backup_info::v3::Request>,
) -> Result<RumaResponse<get_backup_info::v3::Response>, Error> {
    let found = accounts.backup_version(&caller.user, &request.version).await?;
    let found = found.ok_or_else(no_backup)?;
    Ok(RumaResponse(get_backup_info::v3::Response::new(
        found.algorithm,
        UInt::new_saturating(found.count),
        found.etag,
        found.version,
    )))
}

pub(crate) async fn update_backup_version(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<update_backup_version::v3::Request>,
) -> Result<RumaResponse<update_backup_version::v3::Response>, Error> {
    let (version, algorithm) = (&request.version, &request.algorithm);
    accounts.update_backup_version(&caller.user, version, algorithm).await?;
    Ok(RumaResponse(update_backup_version::v3::Response::new()))
}

pub(crate) async fn delete_backup_version(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_backup_version::v3::Request>,
) -> Result<RumaResponse<delete_backup_version::v3::Response>, Error> {
    accounts.delete_backup_version(&caller.user, &request.version).await?;
    Ok(RumaResponse(delete_backup_version::v3::Response::new()))
}

fn no_backup() -> ApiError {
    ApiError::not_found("there is no such key backup")
}
