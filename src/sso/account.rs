//! From an identity at a provider to an account here.

use hearth_accounts::{Accounts, AccountsError, ExternalId, NewUser};
use ruma::OwnedUserId;
use serde_json::Value;

use crate::{Provider, SsoError, claims::Identity, localpart};

/// The account that is linked to exactly this identity, or a new one.
///
/// A name that is taken is refused, however much the claims look like its owner's.
pub(crate) async fn account(
    accounts: &Accounts,
    provider: &Provider,
    identity: &Identity,
) -> Result<OwnedUserId, SsoError> {
    let id = ExternalId { issuer: provider.issuer.clone(), subject: identity.subject.clone() };
    if let Some(user) = accounts.user_of_external_id(&id).await? {
        return Ok(user);
    }
    if !provider.allow_registration {
        return Err(SsoError::NoAccount("there is no account of yours here".to_owned()));
    }
    let no_name = || {
        let message = "the login provider does not say what your account is to be called";
        SsoError::NoAccount(message.to_owned())
    };
    let name = localpart::fill(&provider.localpart, &identity.claims).ok_or_else(no_name)?;
    let user = accounts.new_user_id(&localpart::localpart(&name)).map_err(|_| no_name())?;
    let new = NewUser { external_id: Some(&id), ..NewUser::default() };
    match accounts.create_user(&user, new).await {
        Ok(()) => {}
        Err(AccountsError::UserInUse | AccountsError::Exclusive | AccountsError::Forbidden(_)) => {
            let message = format!("the name {user} belongs to somebody else");
            return Err(SsoError::NoAccount(message));
        }
        Err(error) => return Err(error.into()),
    }
    let display_name = provider.display_name.as_deref();
    let display_name = display_name.and_then(|name| localpart::fill(name, &identity.claims));
    if let Some(name) = display_name
        && let Err(error) =
            accounts.set_profile_field(&user, "displayname", Some(&Value::String(name))).await
    {
        tracing::info!(%user, %error, "the display name of a new user was refused");
    }
    Ok(user)
}
