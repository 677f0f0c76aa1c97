//! User-interactive authentication of a user who is logged in: the password, once more.

use hearth_accounts::Accounts;
use hearth_http::{ApiError, Authenticate, Caller, Interactive};
use ruma::api::{
    Metadata,
    client::uiaa::{AuthData, AuthFlow, AuthType},
};

/// Goes on when the user has given the password. Application services have none (specification,
/// application services, device management).
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
    let flows = [AuthFlow::new(vec![AuthType::Password])];
    interactive.require(accounts, &flows, Some(&caller.user), auth).await
}
