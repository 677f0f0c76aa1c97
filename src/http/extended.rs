//! Requests in whose body clients may put more than the specification names.

use axum::extract::{FromRef, FromRequest, Request};
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use ruma::api::{IncomingRequest, Metadata};
use serde_json::{Map, Value};

use crate::{
    ApiError, Authenticate, CallerOf,
    request::{Received, receive},
};

/// A request, who makes it, and its whole body.
pub struct Extended<R>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    /// The request.
    pub request: R,
    /// Who makes it.
    pub caller: CallerOf<R>,
    /// The body, with what the request names and what it does not.
    pub body: Map<String, Value>,
}

impl<R, S> FromRequest<S> for Extended<R>
where
    R: IncomingRequest + Send,
    R::Authentication: Authenticate,
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Received { request, caller, body, .. } = receive::<R, S>(request, state).await?;
        let body = serde_json::from_slice(&body);
        let body = body.map_err(|error| ApiError::bad_json(error.to_string()))?;
        Ok(Self { request, caller, body })
    }
}
