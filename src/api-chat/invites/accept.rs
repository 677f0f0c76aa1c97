//! What whoever has a code does with it: look, and join.

use axum::extract::State;
use ruma::OwnedRoomId;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::InviteDetails;
use crate::{Caller, ChatApi, Json, Path, Problem, problem::ProblemDocument};

/// Where somebody is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// The room.
    #[schema(value_type = String)]
    room_id: OwnedRoomId,
}

/// Shows an invite by code, and the room that it is to, without joining.
#[utoipa::path(
    get, path = "/invites/{code}", tag = "invites",
    params(("code" = String, Path, description = "The code")),
    responses((status = 200, description = "The invite", body = InviteDetails)),
)]
pub(crate) async fn get_invite(
    State(api): State<ChatApi>,
    _: Caller,
    Path(code): Path<String>,
) -> Result<Json<InviteDetails>, Problem> {
    let invite = api.chat.invite_code(&code).await?;
    Ok(Json(InviteDetails::new(&api, invite).await?))
}

/// Joins the room of an invite by code. It goes on when the client goes away.
#[utoipa::path(
    post, path = "/invites/{code}/accept", tag = "invites",
    params(("code" = String, Path, description = "The code")),
    responses(
        (status = 200, description = "Joined", body = Accepted),
        (status = 410, description = "The invite is over", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn accept_invite(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(code): Path<String>,
) -> Result<Json<Accepted>, Problem> {
    let (chat, user_id) = (api.chat.clone(), caller.user_id().to_owned());
    let work = api.tasks.spawn(async move { chat.accept_invite_code(&code, &user_id).await });
    let room = work.await.map_err(Problem::internal)??;
    Ok(Json(Accepted { room_id: room.id().to_owned() }))
}
