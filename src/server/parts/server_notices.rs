//! The user as whom the server speaks to its users; there before anybody can take the name.

use hearth_accounts::{Accounts, AccountsError, NewUser};
use ruma::{OwnedUserId, UserId};

use crate::config::Settings;

/// The user of the settings; `None` if there are no server notices.
pub fn user_id(settings: &Settings) -> Option<OwnedUserId> {
    let localpart = settings.server_notices.localpart.as_ref()?;
    UserId::parse(format!("@{localpart}:{}", settings.server_name)).ok()
}

/// Creates the user if necessary, without a password, and names it.
///
/// # Errors
/// The store failed.
pub async fn prepare(settings: &Settings, accounts: &Accounts) -> Result<(), AccountsError> {
    let Some(user_id) = user_id(settings) else {
        return Ok(());
    };
    match accounts.create_user(&user_id, NewUser::default()).await {
        Ok(()) | Err(AccountsError::UserInUse) => {}
        Err(error) => return Err(error),
    }
    let notices = &settings.server_notices;
    let name = notices.display_name.as_str().into();
    accounts.set_profile_field(&user_id, "displayname", Some(&name)).await?;
    if let Some(avatar_url) = &notices.avatar_url {
        let avatar_url = avatar_url.as_str().into();
        accounts.set_profile_field(&user_id, "avatar_url", Some(&avatar_url)).await?;
    }
    Ok(())
}
