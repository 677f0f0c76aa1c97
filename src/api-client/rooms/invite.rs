//! `POST /rooms/{roomId}/invite`. Invites by email address or phone number need an identity
//! server, and are refused.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Invitation, Rooms};
use ruma::api::client::membership::invite_user::v3::{InvitationRecipient, Request, Response};

use super::access::{check_invitee, known_room, profile_of};
use crate::error::Error;

pub(crate) async fn invite(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let InvitationRecipient::UserId(recipient) = request.recipient else {
        return Err(Error::threepid_denied());
    };
    let room = known_room(&rooms, &request.room_id).await?;
    check_invitee(&accounts, &caller.user, &recipient.user_id).await?;
    let invitation = Invitation {
        sender: caller.user.clone(),
        profile: profile_of(&accounts, &recipient.user_id).await?,
        user_id: recipient.user_id,
        reason: recipient.reason,
        is_direct: false,
    };
    rooms.invite(&room, invitation).await?;
    Ok(RumaResponse(Response::new()))
}
