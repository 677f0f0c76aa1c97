//! `GET /users/{user_id}`.

use axum::extract::State;
use ruma::OwnedUserId;

use crate::{Caller, ChatApi, Json, Path, Problem, place::Place, views::User};

/// A user. Whether they are there is told to who shares a room with them.
#[utoipa::path(
    get, path = "/users/{user_id}", tag = "users",
    params(("user_id" = String, Path, description = "The user")),
    responses((status = 200, description = "The user", body = User)),
)]
pub(crate) async fn get_user(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(user_id): Path<OwnedUserId>,
) -> Result<Json<User>, Problem> {
    let user = match api.accounts.is_local(&user_id) {
        true => User::load(&api, &user_id).await?,
        false => None,
    };
    let user = user.ok_or_else(|| Problem::not_found("there is no such user"))?;
    let snapshot = api.rooms.snapshot().await?;
    let is_known = caller.user_id() == user_id
        || api.rooms.share_a_room(snapshot.as_ref(), caller.user_id(), &user_id).await?;
    let mut user = if is_known { user } else { user.without_presence() };
    if let Some(room_id) = &user.current_room_id
        && Place::joined(&api, room_id, caller.user_id()).await.is_err()
    {
        user.current_room_id = None;
    }
    Ok(Json(user))
}
