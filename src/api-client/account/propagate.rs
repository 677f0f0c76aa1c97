//! A changed name or avatar, brought into the memberships of the user's rooms.
//!
//! It goes on when the client goes away. A room that refuses keeps the old name; the next change
//! tries again.

use futures::{StreamExt, stream};
use hearth_accounts::Accounts;
use hearth_rooms::{Profile, Room, Rooms};
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use tokio_util::task::TaskTracker;

use crate::error::Error;

/// Most rooms of one user that are changed at once.
const CONCURRENT_ROOMS_MAX: usize = 16;

/// Updates all memberships of a user, and waits for that.
pub(super) async fn propagate(
    accounts: &Accounts,
    rooms: &Rooms,
    tasks: &TaskTracker,
    user: &UserId,
) {
    let (accounts, rooms, user) = (accounts.clone(), rooms.clone(), user.to_owned());
    let work = tasks.spawn(async move {
        if let Err(error) = update_all(&accounts, &rooms, &user).await {
            tracing::warn!(%user, ?error, "a changed profile did not reach all rooms");
        }
    });
    // It fails only when the runtime ends.
    let _ = work.await;
}

async fn update_all(accounts: &Accounts, rooms: &Rooms, user: &OwnedUserId) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    let mut joined: Vec<Room> = Vec::new();
    for (nid, row) in rooms.memberships(snapshot.as_ref(), user).await? {
        if row.value.state == MembershipState::Join {
            joined.push(rooms.room_by_nid(snapshot.as_ref(), nid).await?);
        }
    }
    drop(snapshot);
    let updates = stream::iter(joined).map(|room| async move {
        if let Err(error) = update(accounts, rooms, &room, user).await {
            tracing::warn!(%user, room = %room.id(), ?error, "a changed profile was refused");
        }
    });
    updates.buffer_unordered(CONCURRENT_ROOMS_MAX).collect::<()>().await;
    Ok(())
}

async fn update(
    accounts: &Accounts,
    rooms: &Rooms,
    room: &Room,
    user: &UserId,
) -> Result<(), Error> {
    // Read as late as possible: of two changes at once the later one wins in every room.
    let profile = accounts.member_profile(user).await?;
    let profile = Profile {
        display_name: profile.displayname,
        avatar_url: profile.avatar_url.map(|url| url.to_string()),
    };
    rooms.update_profile(room, user, &profile).await?;
    Ok(())
}
