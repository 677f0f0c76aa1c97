//! Who makes a request, by the token in its `Authorization` header.
//!
//! Whether they may call the endpoint, and how often, stands in the router, as in the Matrix API.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRequestParts;
use hearth_accounts::{Authenticated, Authentication};
use hearth_http::{Access, ClientAddress};
use http::{HeaderMap, Method, header::AUTHORIZATION, request::Parts};
use ruma::{DeviceId, UserId};
use tracing::{Span, field::display};

use crate::{ChatApi, Problem};

/// The user who makes a request.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Authenticated>);

impl Caller {
    /// Who holds a token.
    ///
    /// # Errors
    /// 401 if the token is none of ours, or not valid any more.
    pub async fn of_token(api: &ChatApi, token: &str) -> Result<Self, Problem> {
        let session = api.tokens.verify(token).await?;
        match api.accounts.authenticate_session(session).await? {
            Authentication::Valid(who) => Ok(Self(who)),
            Authentication::Expired => Err(Problem::unauthorized("the token has expired")),
            Authentication::Unknown => Err(Problem::unauthorized("the session has ended")),
        }
    }

    /// Lets the user do something, or says why not: their account may be locked or suspended, or
    /// they did it too often.
    ///
    /// # Errors
    /// 401, 403 or 429.
    pub fn admit(&self, api: &ChatApi, access: Access, method: &Method) -> Result<(), Problem> {
        access.admit(method, &self.0)?;
        Ok(access.limit_user(&api.bus, &self.0)?)
    }

    /// The user.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.0.user
    }

    /// The device that the token is bound to.
    #[must_use]
    pub fn device_id(&self) -> &DeviceId {
        // Every token of this API is that of a device.
        self.0.device.as_deref().unwrap_or_else(|| "".into())
    }
}

impl Deref for Caller {
    type Target = Authenticated;

    fn deref(&self) -> &Authenticated {
        &self.0
    }
}

impl FromRequestParts<ChatApi> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ChatApi) -> Result<Self, Problem> {
        let missing = || Problem::unauthorized("this needs a token: Authorization: Bearer …");
        let token = bearer(&parts.headers).ok_or_else(missing)?;
        let caller = Self::of_token(api, token).await?;
        Span::current().record("user", display(&caller.0.user));
        caller.admit(api, access(parts), &parts.method)?;
        let Ok(ClientAddress(ip)) = ClientAddress::from_request_parts(parts, api).await;
        api.accounts.seen(&caller.0, ip);
        // Who asks is there, for as long as after a sync.
        api.bus.presence().asked(caller.user_id());
        Ok(caller)
    }
}

/// The token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The rules of the endpoint.
fn access(parts: &Parts) -> Access {
    parts.extensions.get().copied().unwrap_or_default()
}

/// Whoever makes a request that needs no token: limited by their address.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

impl FromRequestParts<ChatApi> for Anybody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ChatApi) -> Result<Self, Problem> {
        let Ok(address) = ClientAddress::from_request_parts(parts, api).await;
        access(parts).limit_address(&api.bus, address)?;
        Ok(Self)
    }
}
