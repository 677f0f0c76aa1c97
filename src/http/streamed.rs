//! Requests whose body is a file: it is handed on as it comes in.

use axum::{
    body::Body,
    extract::{FromRef, FromRequest, Request},
};
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use ruma::api::{IncomingRequest, Metadata};

use crate::{
    ApiError, Authenticate, CallerOf,
    request::{accept, parse},
};

/// A request without its body, who makes it, and the body. Whoever reads the body limits it.
pub struct Streamed<R>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    /// The request; its body field is empty.
    pub request: R,
    /// Who makes it.
    pub caller: CallerOf<R>,
    /// What comes in.
    pub body: Body,
}

impl<R, S> FromRequest<S> for Streamed<R>
where
    R: IncomingRequest + Send,
    R::Authentication: Authenticate,
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let accepted = accept::<R, S>(request, state).await?;
        let request = parse(accepted.parts, &[], &accepted.path)?;
        Ok(Self { request, caller: accepted.caller, body: accepted.body })
    }
}
