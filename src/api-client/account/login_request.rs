//! The body of `POST /login`, made safe for ruma's parser, which panics without a `type`.

use ruma::api::{
    IncomingRequest, Metadata, client::session::login::v3::Request, error::DeserializationError,
};
use serde::Deserialize;

/// A login.
pub(crate) struct LoginRequest(pub(super) Request);

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    _login_type: String,
}

impl Metadata for LoginRequest {
    const METHOD: http::Method = Request::METHOD;
    const RATE_LIMITED: bool = Request::RATE_LIMITED;
    type Authentication = <Request as Metadata>::Authentication;
    type PathBuilder = <Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = Request::PATH_BUILDER;
}

impl IncomingRequest for LoginRequest {
    type EndpointError = <Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = <Request as IncomingRequest>::OutgoingResponse;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        serde_json::from_slice::<Typed>(request.body())?;
        Request::try_from_http_request_inner(request, path_args).map(Self)
    }
}
