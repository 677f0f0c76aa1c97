//! A changed name or avatar, brought into the memberships of the user's rooms. It goes on when the
//! client goes away.

use hearth_accounts::Accounts;
use hearth_rooms::{Profile, Rooms};
use ruma::UserId;
use tokio_util::task::TaskTracker;

/// Updates all memberships of a user, and waits for that.
pub(super) async fn propagate(
    accounts: &Accounts,
    rooms: &Rooms,
    tasks: &TaskTracker,
    user: &UserId,
) {
    let (accounts, rooms, user) = (accounts.clone(), rooms.clone(), user.to_owned());
    let work = tasks.spawn(async move {
        let profile = || async {
            let profile = accounts.member_profile(&user).await;
            profile.map(|profile| Profile {
                display_name: profile.displayname,
                avatar_url: profile.avatar_url.map(|url| url.to_string()),
            })
        };
        if let Err(error) = rooms.update_profile_everywhere(&user, profile).await {
            tracing::warn!(%user, %error, "a changed profile did not reach all rooms");
        }
    });
    // It fails only when the runtime ends.
    let _ = work.await;
}
