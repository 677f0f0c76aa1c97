//! Blocking: whoever is blocked is not heard, and cannot write directly (`m.ignored_user_list`).

use axum::extract::State;
use http::StatusCode;
use ruma::OwnedUserId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Caller, ChatApi, Json, Path, Problem, invitees::check_exists, views::Person};

/// Blocks a user.
#[utoipa::path(
    post, path = "/users/{user_id}/block", tag = "users",
    params(("user_id" = String, Path, description = "The user")),
    responses((status = 204, description = "Blocked")),
)]
pub(crate) async fn block_user(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(user_id): Path<OwnedUserId>,
) -> Result<StatusCode, Problem> {
    if caller.user_id() == user_id {
        return Err(Problem::conflict("this is you"));
    }
    check_exists(&api, &user_id).await?;
    api.accounts.set_ignored(caller.user_id(), &user_id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hears a user again.
#[utoipa::path(
    delete, path = "/users/{user_id}/block", tag = "users",
    params(("user_id" = String, Path, description = "The user")),
    responses((status = 204, description = "Not blocked any more")),
)]
pub(crate) async fn unblock_user(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(user_id): Path<OwnedUserId>,
) -> Result<StatusCode, Problem> {
    api.accounts.set_ignored(caller.user_id(), &user_id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Users whom the user blocked.
#[derive(Serialize, ToSchema)]
pub(crate) struct BlockedUsers {
    /// The users by id.
    users: Vec<Person>,
}

/// Whom the user blocked.
#[utoipa::path(
    get, path = "/users/me/blocked", tag = "users",
    responses((status = 200, description = "The users", body = BlockedUsers)),
)]
pub(crate) async fn list_blocked(
    State(api): State<ChatApi>,
    caller: Caller,
) -> Result<Json<BlockedUsers>, Problem> {
    let mut users = Vec::new();
    for user_id in api.accounts.ignored_users(caller.user_id()).await? {
        users.push(Person::load(&api, &user_id).await?);
    }
    Ok(Json(BlockedUsers { users }))
}
