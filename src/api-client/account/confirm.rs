//! User-interactive authentication of a user who is logged in: the password, once more, or the
//! provider by which the user logs in.

use hearth_accounts::Accounts;
use hearth_http::{ApiError, Authenticate, Caller, Interactive};
use ruma::api::{
    Metadata,
    client::uiaa::{AuthData, AuthFlow, AuthType},
};

/// Goes on when the user has given the password, or has come back from the provider. Application
/// services have neither (specification, application services, device management).
pub(crate) async fn confirm<R>(
    accounts: &Accounts,
    caller: &Caller,
    interactive: &Interactive<R>,
    auth: Option<&AuthData>,
) -> Result<(), ApiError>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    if caller.application_service.is_some() {
        return Ok(());
    }
    let mut flows = Vec::new();
    let has_provider = !accounts.external_ids(&caller.user).await?.is_empty();
    if has_provider {
        flows.push(AuthFlow::new(vec![AuthType::Sso]));
    }
    if !has_provider || accounts.has_password(&caller.user).await? {
        flows.push(AuthFlow::new(vec![AuthType::Password]));
    }
    interactive.require(accounts, &flows, Some(&caller.user), auth).await
}
