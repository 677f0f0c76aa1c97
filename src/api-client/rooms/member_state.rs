//! What holds for memberships also when they are set as plain state: whom one may invite, which
//! invite cannot be rejected, and who vouches for a join.

use hearth_accounts::Accounts;
use hearth_rooms::{Room, Rooms};
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

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

/// The content without who vouches for a join: that is the server's to say, and clients repeat
/// what they find in the membership that they change.
pub(super) fn without_voucher(content: Box<RawValue>) -> Box<RawValue> {
    let Ok(mut object) = serde_json::from_str::<Map<String, Value>>(content.get()) else {
        return content;
    };
    if object.remove("join_authorised_via_users_server").is_none() {
        return content;
    }
    to_raw_value(&object).unwrap_or(content)
}
