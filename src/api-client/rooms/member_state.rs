//! What holds for memberships also when they are set as plain state: whom one may invite, and
//! which invite cannot be rejected.

use hearth_accounts::Accounts;
use hearth_rooms::{Room, Rooms};
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::access::check_invitee;
use crate::error::Error;

/// Refuses what the endpoints of memberships refuse; the room's rules come later.
pub(super) async fn check(
    rooms: &Rooms,
    accounts: &Accounts,
    room: &Room,
    sender: &UserId,
    state_key: &str,
    content: &RawValue,
) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Content {
        membership: MembershipState,
    }
    let content = serde_json::from_str::<Content>(content.get());
    let (Ok(content), Ok(user_id)) = (content, OwnedUserId::try_from(state_key)) else {
        return Ok(());
    };
    match content.membership {
        MembershipState::Invite => check_invitee(accounts, sender, &user_id).await,
        MembershipState::Leave if user_id == sender => {
            Ok(rooms.check_leaving(room, &user_id).await?)
        }
        _ => Ok(()),
    }
}
