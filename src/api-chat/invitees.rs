//! Whom one may invite or write to.

use hearth_accounts::InvitePermission;
use hearth_rooms::Profile;
use http::StatusCode;
use ruma::UserId;

use crate::{ChatApi, Problem, place::Place};

/// How a user looks in a room that they enter now.
///
/// # Errors
/// The store failed.
pub(crate) async fn profile_of(api: &ChatApi, user_id: &UserId) -> Result<Profile, Problem> {
    let profile = api.accounts.member_profile(user_id).await?;
    Ok(Profile {
        display_name: profile.displayname,
        avatar_url: profile.avatar_url.map(|url| url.to_string()),
    })
}

/// Refuses who is not on this server.
///
/// # Errors
/// 404.
pub(crate) async fn check_exists(api: &ChatApi, user_id: &UserId) -> Result<(), Problem> {
    let known = match api.accounts.is_local(user_id) {
        true => api.accounts.user(user_id).await?,
        false => None,
    };
    match known {
        Some(user) if !user.is_deactivated => Ok(()),
        _ => Err(Problem::not_found("there is no such user")),
    }
}

/// Refuses to invite somebody who does not exist or does not want it.
///
/// # Errors
/// 403 or 404.
pub(crate) async fn check_invitee(
    api: &ChatApi,
    sender: &UserId,
    user_id: &UserId,
) -> Result<(), Problem> {
    check_exists(api, user_id).await?;
    // An ignored invite is sent: its sender must not notice. Whoever reads leaves it out.
    match api.accounts.invite_permission(user_id, sender).await? {
        InvitePermission::Block => {
            let detail = "this user does not want invites and direct messages now";
            Err(Problem::new(StatusCode::FORBIDDEN, "do-not-disturb", detail))
        }
        InvitePermission::Allow | InvitePermission::Ignore => Ok(()),
    }
}

/// Refuses to write to somebody directly who blocked the sender or does not want to be disturbed.
///
/// # Errors
/// 403 or 404.
pub(crate) async fn check_may_write_to(
    api: &ChatApi,
    sender: &UserId,
    user_id: &UserId,
) -> Result<(), Problem> {
    check_invitee(api, sender, user_id).await?;
    if api.accounts.ignored_users(user_id).await?.contains(sender) {
        let detail = "this user does not want direct messages from you";
        return Err(Problem::new(StatusCode::FORBIDDEN, "blocked", detail));
    }
    Ok(())
}

/// Refuses to write, edit and react in a direct room with somebody who blocked the sender or does
/// not want to be disturbed.
///
/// # Errors
/// 403 or 404.
pub(crate) async fn check_may_write_in(
    api: &ChatApi,
    place: &Place,
    sender: &UserId,
) -> Result<(), Problem> {
    let rooms = api.accounts.direct_rooms(sender).await?;
    match rooms.get(place.room.id()) {
        Some(other) if other != sender && place.head.joined_members <= 2 => {
            check_may_write_to(api, sender, other).await
        }
        _ => Ok(()),
    }
}

/// Whether a user does not see the invites of somebody: who sent one must not notice.
///
/// # Errors
/// The store failed.
pub(crate) async fn leaves_out_invites(
    api: &ChatApi,
    user_id: &UserId,
    sender: &UserId,
) -> Result<bool, Problem> {
    let permission = api.accounts.invite_permission(user_id, sender).await?;
    Ok(permission == InvitePermission::Ignore
        || api.accounts.ignored_users(user_id).await?.contains(sender))
}
