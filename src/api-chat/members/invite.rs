//! `POST /rooms/{room_id}/members`.

use axum::extract::State;
use hearth_rooms::Invitation;
use http::StatusCode;
use ruma::{OwnedRoomId, OwnedUserId, events::room::member::MembershipState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    invitees::{check_invitee, profile_of},
    place::Place,
    views::{Person, Role, ids},
};

/// Longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

/// Who is invited.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Invite {
    /// The user.
    #[schema(value_type = ids::UserId)]
    user_id: OwnedUserId,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Validate for Invite {
    fn validate(&self, faults: &mut Faults) {
        faults.optional_characters("reason", self.reason.as_deref(), 0..=REASON_CHARACTERS_MAX);
    }
}

/// Somebody who was invited, and may join now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invited {
    /// Who it is.
    user: Person,
}

/// Invites a user; for admins of the room.
#[utoipa::path(
    post, path = "/rooms/{room_id}/members", tag = "rooms", request_body = Invite,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 201, description = "Invited", body = Invited)),
)]
pub(crate) async fn invite_member(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(invite): Json<Invite>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let sender = caller.user_id();
    let place = Place::joined(&api, &room_id, sender).await?;
    let snapshot = place.snapshot.as_ref();
    api.chat.check_not_direct(&place.room, sender).await?;
    place.check_role(&api, sender, Role::Admin).await?;
    api.chat.check_not_archived(snapshot, &place.room).await?;
    check_invitee(&api, sender, &invite.user_id).await?;
    let row = api.rooms.membership(snapshot, place.room.nid(), &invite.user_id).await?;
    if row.is_some_and(|row| row.value.state == MembershipState::Join) {
        let detail = "this user is a member already";
        return Err(Problem::new(StatusCode::CONFLICT, "already-a-member", detail));
    }
    let user = Person::load(&api, &invite.user_id).await?;
    let invitation = Invitation {
        sender: sender.to_owned(),
        profile: profile_of(&api, &invite.user_id).await?,
        user_id: invite.user_id,
        reason: invite.reason,
        is_direct: false,
    };
    api.rooms.invite(&place.room, invitation).await?;
    Ok((StatusCode::CREATED, Json(Invited { user })))
}
