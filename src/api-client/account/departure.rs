//! Deactivated users leave their rooms: after the answer, and after a restart.

use hearth_accounts::{Accounts, AccountsError};
use hearth_rooms::Rooms;
use ruma::UserId;

use crate::{ClientApi, error::Error};

/// Goes on where the last run of the server ended.
pub fn resume_departures(api: &ClientApi) {
    let (accounts, rooms) = (api.accounts.clone(), api.rooms.clone());
    api.tasks.spawn(async move {
        if let Err(error) = resume(&accounts, &rooms).await {
            tracing::warn!(%error, "deactivated users may still be in rooms");
        }
    });
}

async fn resume(accounts: &Accounts, rooms: &Rooms) -> Result<(), AccountsError> {
    for user in accounts.departing_users().await? {
        accounts.delete_belongings(&user).await?;
        depart(accounts, rooms, &user).await;
    }
    Ok(())
}

/// Takes a deactivated user out of all rooms; an erased one leaves nothing to read.
pub(super) async fn depart(accounts: &Accounts, rooms: &Rooms, user: &UserId) {
    match try_to_depart(accounts, rooms, user).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(%user, "a deactivated user did not leave all rooms"),
        Err(error) => {
            tracing::warn!(%user, ?error, "a deactivated user did not leave all rooms");
        }
    }
}

async fn try_to_depart(accounts: &Accounts, rooms: &Rooms, user: &UserId) -> Result<bool, Error> {
    if accounts.user(user).await?.is_some_and(|row| row.is_erased) {
        rooms.erase_user(user).await?;
    }
    let all_left = rooms.leave_all(user).await?;
    if all_left {
        accounts.departed(user).await?;
    }
    Ok(all_left)
}
