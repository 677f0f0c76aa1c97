//! Requests of ruma's types: authenticated, read within limits, parsed.

use axum::{
    RequestPartsExt,
    body::Body,
    extract::{FromRef, FromRequest, RawPathParams, Request},
};
use bytes::Bytes;
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use http::{Method, request::Parts};
use ruma::api::{
    IncomingRequest, IncomingRequestExt, Metadata,
    error::{DeserializationError, ErrorCode, FromHttpRequestError},
};
use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::{
    ApiError, Authenticate, CallerOf,
    authenticate::{Doorkeeper, Identity},
    body,
};

/// What is said of bodies only: of one that is not parsed but has to be an object, and of one that
/// is none of several alternatives.
const OF_BODIES: [&str; 2] = ["expected a JSON object", "of untagged enum"];

/// A request and who makes it: a [`crate::Caller`] where the endpoint needs a token, `Option` of
/// one where a token is optional, `()` where it does not matter.
pub struct Ruma<R>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    /// The request.
    pub request: R,
    /// Who makes it.
    pub caller: CallerOf<R>,
}

impl<R, S> FromRequest<S> for Ruma<R>
where
    R: IncomingRequest + Send,
    R::Authentication: Authenticate,
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Received { request, caller, .. } = receive(request, state).await?;
        Ok(Self { request, caller })
    }
}

/// A request that was read whole and parsed, with what extractors make more of.
pub(crate) struct Received<R>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    pub(crate) request: R,
    pub(crate) caller: CallerOf<R>,
    pub(crate) path: String,
    /// Requests without a body have an empty one.
    pub(crate) body: Bytes,
}

pub(crate) async fn receive<R, S>(request: Request, state: &S) -> Result<Received<R>, ApiError>
where
    R: IncomingRequest,
    R::Authentication: Authenticate,
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
{
    let Accepted { parts, body, path, caller } = accept::<R, S>(request, state).await?;
    let body = if R::METHOD == Method::GET { Bytes::new() } else { body::read_json(body).await? };
    let whole_path = parts.uri.path().to_owned();
    Ok(Received { request: parse(parts, &body, &path)?, caller, path: whole_path, body })
}

/// A request that may go on, its body not read yet.
pub(crate) struct Accepted<C> {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) path: RawPathParams,
    pub(crate) caller: C,
}

/// Authenticates a request before anything of its body is read.
pub(crate) async fn accept<R, S>(
    request: Request,
    state: &S,
) -> Result<Accepted<CallerOf<R>>, ApiError>
where
    R: Metadata,
    R::Authentication: Authenticate,
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
{
    let door = Doorkeeper { accounts: Accounts::from_ref(state), bus: Bus::from_ref(state) };
    let identity = Identity::of(&request);
    let (mut parts, body) = request.into_parts();
    let path = parts.extract::<RawPathParams>().await;
    let path = path.map_err(|error| ApiError::invalid_param(error.to_string()))?;
    let caller = <R::Authentication as Authenticate>::authenticate(&door, identity).await?;
    Ok(Accepted { parts, body, path, caller })
}

pub(crate) fn parse<R: IncomingRequest>(
    parts: Parts,
    body: &[u8],
    path: &RawPathParams,
) -> Result<R, ApiError> {
    let path: Vec<&str> = path.iter().map(|(_, value)| value).collect();
    R::try_from_http_request(http::Request::from_parts(parts, body), &path)
        .map_err(|error| refused(error, body))
}

fn refused(error: FromHttpRequestError, body: &[u8]) -> ApiError {
    let message = error.to_string();
    let FromHttpRequestError::Deserialization(error) = error else {
        return ApiError::unrecognized();
    };
    match error {
        DeserializationError::Json(error) => match error.classify() {
            Category::Syntax | Category::Eof | Category::Io if !is_json(body) => {
                ApiError::bad_request(ErrorCode::NotJson, message)
            }
            // Where one field is wanted, the parser gives up at the first other one.
            Category::Syntax | Category::Eof | Category::Io => ApiError::missing_param(message),
            Category::Data if error.line() > 0 => ApiError::bad_json(message),
            // Fields whose name is in the path.
            Category::Data if message.contains("missing field") => ApiError::missing_param(message),
            // Path arguments fail without a place in the body; so do some bodies.
            Category::Data if !OF_BODIES.iter().any(|known| message.contains(known)) => {
                ApiError::invalid_param(message)
            }
            // Alternatives fail without telling syntax errors from others.
            Category::Data if !is_json(body) => ApiError::bad_request(ErrorCode::NotJson, message),
            Category::Data => ApiError::bad_json(message),
        },
        DeserializationError::Query(_) if message.contains("missing field") => {
            ApiError::missing_param(message)
        }
        _ => ApiError::invalid_param(message),
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}
