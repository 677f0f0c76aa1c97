//! Guests leave a room that does not let them in any more (specification, "Guest access").

use hearth_accounts::Accounts;
use hearth_rooms::{Room, Rooms};
use ruma::events::room::member::MembershipState;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Error;

/// Whether the content of an `m.room.guest_access` event lets guests in.
pub(super) fn lets_guests_in(content: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Content {
        guest_access: String,
    }
    let content = serde_json::from_str::<Content>(content.get());
    content.is_ok_and(|content| content.guest_access == "can_join")
}

/// Makes all guests of this server leave a room.
pub(super) async fn send_guests_away(accounts: Accounts, rooms: Rooms, room: Room) {
    if let Err(error) = send_away(&accounts, &rooms, &room).await {
        tracing::warn!(room = %room.id(), ?error, "guests may still be in a room");
    }
}

async fn send_away(accounts: &Accounts, rooms: &Rooms, room: &Room) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    for (user_id, member) in rooms.members(snapshot.as_ref(), room.nid()).await? {
        if member.state != MembershipState::Join || !accounts.is_local(&user_id) {
            continue;
        }
        if accounts.user(&user_id).await?.is_some_and(|row| row.is_guest) {
            rooms.leave(room, &user_id, Some("guests are not let in any more")).await?;
        }
    }
    Ok(())
}
