//! `/profile/{userId}` and its fields.

use axum::extract::State;
use hearth_accounts::{Accounts, Profile};
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::{
    UserId,
    api::client::profile::{
        delete_profile_field, get_profile, get_profile_field, set_profile_field,
    },
    profile::{ProfileFieldName, ProfileFieldValue},
};
use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::{own::check_own, propagate::propagate};
use crate::error::Error;

pub(crate) async fn get_profile(
    State(accounts): State<Accounts>,
    Ruma { request, .. }: Ruma<get_profile::v3::Request>,
) -> Result<RumaResponse<get_profile::v3::Response>, Error> {
    let profile = known_profile(&accounts, &request.user_id).await?;
    Ok(RumaResponse(profile.into_iter().collect()))
}

pub(crate) async fn get_profile_field(
    State(accounts): State<Accounts>,
    Ruma { request, .. }: Ruma<get_profile_field::v3::Request>,
) -> Result<RumaResponse<get_profile_field::v3::Response>, Error> {
    let mut profile = known_profile(&accounts, &request.user_id).await?;
    let field = request.field.as_str();
    let value = profile.remove(field);
    let value = value.ok_or_else(|| ApiError::not_found("the profile has no such field"))?;
    let value = ProfileFieldValue::new(field, value).map_err(ApiError::internal)?;
    Ok(RumaResponse(get_profile_field::v3::Response::new(value)))
}

pub(crate) async fn set_profile_field(
    State(accounts): State<Accounts>,
    State(rooms): State<Rooms>,
    State(tasks): State<TaskTracker>,
    Ruma { request, caller }: Ruma<set_profile_field::v3::Request>,
) -> Result<RumaResponse<set_profile_field::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let field = request.value.field_name();
    let value = request.value.value();
    // Clients remove a name or an avatar by making it empty.
    let value = Some(&*value).filter(|value| !is_shown_by_rooms(&field) || **value != "");
    change(&accounts, &rooms, &tasks, &request.user_id, &field, value).await?;
    Ok(RumaResponse(set_profile_field::v3::Response::new()))
}

pub(crate) async fn delete_profile_field(
    State(accounts): State<Accounts>,
    State(rooms): State<Rooms>,
    State(tasks): State<TaskTracker>,
    Ruma { request, caller }: Ruma<delete_profile_field::v3::Request>,
) -> Result<RumaResponse<delete_profile_field::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    change(&accounts, &rooms, &tasks, &request.user_id, &request.field, None).await?;
    Ok(RumaResponse(delete_profile_field::v3::Response::new()))
}

async fn known_profile(accounts: &Accounts, user: &UserId) -> Result<Profile, Error> {
    let profile = accounts.profile(user).await?;
    Ok(profile.ok_or_else(|| ApiError::not_found("there is no such user here"))?)
}

async fn change(
    accounts: &Accounts,
    rooms: &Rooms,
    tasks: &TaskTracker,
    user: &UserId,
    field: &ProfileFieldName,
    value: Option<&Value>,
) -> Result<(), Error> {
    let changed = accounts.set_profile_field(user, field.as_str(), value).await?;
    if changed && is_shown_by_rooms(field) {
        propagate(accounts, rooms, tasks, user).await;
    }
    Ok(())
}

/// Whether memberships carry a copy of the field.
fn is_shown_by_rooms(field: &ProfileFieldName) -> bool {
    matches!(field, ProfileFieldName::DisplayName | ProfileFieldName::AvatarUrl)
}
