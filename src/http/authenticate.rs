//! Whose request it is, by the authentication scheme of the endpoint.
//!
//! A token comes from the `Authorization` header or, deprecated, from `?access_token=`. An
//! application service may name the user and the device that it acts as in `?user_id=` and
//! `?device_id=` (specification, application services, identity assertion).

use std::{ops::Deref, sync::Arc};

use axum::extract::Request;
use hearth_accounts::{Accounts, ApplicationService, Authenticated, Authentication};
use hearth_bus::Bus;
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId,
    api::{
        Metadata,
        auth_scheme::{
            AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional, AuthScheme,
            NoAccessToken, NoAuthentication, extract_bearer_or_query_token,
        },
    },
};
use serde::Deserialize;
use tracing::{Span, field::display};

use crate::{Access, ApiError, ClientAddress};

/// The user who makes a request.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Authenticated>);

impl Caller {
    /// The device of the request, for endpoints that are about one.
    ///
    /// # Errors
    /// An application service acts without a device.
    pub fn device_id(&self) -> Result<&DeviceId, ApiError> {
        let missing = || ApiError::missing_param("this needs a device: name one in device_id");
        self.0.device.as_deref().ok_or_else(missing)
    }
}

impl Deref for Caller {
    type Target = Authenticated;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// What the extractors need from a router's state.
pub(crate) struct Doorkeeper {
    pub(crate) accounts: Accounts,
    pub(crate) bus: Bus,
}

/// An authentication scheme whose requests this server can attribute.
pub trait Authenticate: AuthScheme {
    /// Who makes such a request.
    type Caller: Send;

    /// Attributes a request, and checks that its endpoint is open to whoever makes it.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "only this crate's extractors call it")]
    fn authenticate(
        door: &Doorkeeper,
        identity: Identity,
    ) -> impl Future<Output = Result<Self::Caller, ApiError>> + Send;
}

/// Who makes requests of this type.
pub type CallerOf<R> = <<R as Metadata>::Authentication as Authenticate>::Caller;

/// What a request says about where it comes from.
pub(crate) struct Identity {
    token: Option<String>,
    assertion: Assertion,
    access: Access,
    method: http::Method,
    address: ClientAddress,
}

#[derive(Default, Deserialize)]
struct Assertion {
    user_id: Option<OwnedUserId>,
    device_id: Option<OwnedDeviceId>,
}

impl Identity {
    pub(crate) fn of(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self {
            // A header of another scheme is no token of ours.
            token: extract_bearer_or_query_token(request).ok().flatten(),
            assertion: serde_html_form::from_str(query).unwrap_or_default(),
            access: request.extensions().get().copied().unwrap_or_default(),
            method: request.method().clone(),
            address: ClientAddress::of(request.extensions()),
        }
    }
}

impl Doorkeeper {
    async fn caller(&self, identity: Identity) -> Result<Caller, ApiError> {
        let token = identity.token.as_deref().ok_or_else(ApiError::missing_token)?;
        let found = self.accounts.authenticate(token).await?;
        let who = match found {
            Authentication::Valid(who) => who,
            Authentication::Expired => return Err(ApiError::unknown_token(true)),
            Authentication::Unknown => self.application_service_user(token, &identity).await?,
        };
        Span::current().record("user", display(&who.user));
        identity.access.admit(&identity.method, &who)?;
        if !self.has_no_rate_limit(&who) {
            identity.access.limit_user(&self.bus, &who)?;
        }
        self.accounts.seen(&who, identity.address.0);
        Ok(Caller(who))
    }

    async fn application_service_user(
        &self,
        token: &str,
        identity: &Identity,
    ) -> Result<Arc<Authenticated>, ApiError> {
        let service = self.accounts.application_service(token);
        let service = service.ok_or_else(|| ApiError::unknown_token(false))?;
        let Assertion { user_id, device_id } = &identity.assertion;
        let (user, device) = (user_id.as_deref(), device_id.as_deref());
        let who = self.accounts.authenticate_application_service(service, user, device).await?;
        Ok(Arc::new(who))
    }

    /// A service's own user is never limited, and those that it acts as are unless its registration
    /// says otherwise (specification, application services, registration).
    fn has_no_rate_limit(&self, who: &Authenticated) -> bool {
        let Some(id) = &who.application_service else {
            return false;
        };
        let mut services = self.accounts.application_services().iter();
        services.any(|service| {
            service.id() == id
                && (service.registration.rate_limited == Some(false)
                    || who.user.localpart() == service.registration.sender_localpart)
        })
    }

    fn anybody(&self, identity: &Identity) -> Result<(), ApiError> {
        identity.access.limit_address(&self.bus, identity.address)
    }

    fn service(&self, token: &str) -> Result<Arc<ApplicationService>, ApiError> {
        let service = self.accounts.application_service(token);
        service.cloned().ok_or_else(|| ApiError::unknown_token(false))
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Authenticate for NoAuthentication {
    type Caller = ();

    async fn authenticate(door: &Doorkeeper, identity: Identity) -> Result<(), ApiError> {
        door.anybody(&identity)
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Authenticate for NoAccessToken {
    type Caller = ();

    async fn authenticate(door: &Doorkeeper, identity: Identity) -> Result<(), ApiError> {
        door.anybody(&identity)
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Authenticate for AccessToken {
    type Caller = Caller;

    async fn authenticate(door: &Doorkeeper, identity: Identity) -> Result<Caller, ApiError> {
        door.caller(identity).await
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Authenticate for AccessTokenOptional {
    type Caller = Option<Caller>;

    async fn authenticate(
        door: &Doorkeeper,
        identity: Identity,
    ) -> Result<Option<Caller>, ApiError> {
        if identity.token.is_none() {
            door.anybody(&identity)?;
            return Ok(None);
        }
        door.caller(identity).await.map(Some)
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Authenticate for AppserviceToken {
    type Caller = Arc<ApplicationService>;

    async fn authenticate(door: &Doorkeeper, identity: Identity) -> Result<Self::Caller, ApiError> {
        let token = identity.token.as_deref().ok_or_else(ApiError::missing_token)?;
        let unknown = match door.service(token) {
            Ok(service) => return Ok(service),
            Err(unknown) => unknown,
        };
        match door.accounts.authenticate(token).await? {
            Authentication::Valid(_) => {
                Err(ApiError::forbidden("this is for application services only"))
            }
            Authentication::Expired | Authentication::Unknown => Err(unknown),
        }
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Authenticate for AppserviceTokenOptional {
    type Caller = Option<Arc<ApplicationService>>;

    /// Clients may send a token that has nothing to do with it, an old one for example.
    async fn authenticate(door: &Doorkeeper, identity: Identity) -> Result<Self::Caller, ApiError> {
        let service = identity.token.as_deref().and_then(|token| door.service(token).ok());
        if service.is_none() {
            door.anybody(&identity)?;
        }
        Ok(service)
    }
}
