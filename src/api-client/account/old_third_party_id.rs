//! The request of `POST /account/3pid`, deprecated, which ruma does not have any more.

use ruma::{
    OwnedClientSecret, OwnedSessionId,
    api::{
        IncomingRequest, Metadata,
        client::account::{bind_3pid, get_3pids},
        error::DeserializationError,
    },
};
use serde::Deserialize;

/// Asks to bind an address at an identity server.
#[derive(Deserialize)]
pub(crate) struct OldThirdPartyIdRequest {
    #[serde(rename = "three_pid_creds")]
    _credentials: Credentials,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(rename = "client_secret")]
    _client_secret: OwnedClientSecret,
    #[serde(rename = "sid")]
    _session: OwnedSessionId,
}

type Get = get_3pids::v3::Request;
type Bind = bind_3pid::v3::Request;

impl Metadata for OldThirdPartyIdRequest {
    const METHOD: http::Method = Bind::METHOD;
    const RATE_LIMITED: bool = Bind::RATE_LIMITED;
    type Authentication = <Bind as Metadata>::Authentication;
    type PathBuilder = <Get as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = Get::PATH_BUILDER;
}

impl IncomingRequest for OldThirdPartyIdRequest {
    type EndpointError = <Bind as IncomingRequest>::EndpointError;
    type OutgoingResponse = <Bind as IncomingRequest>::OutgoingResponse;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        _: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(serde_json::from_slice(request.body())?)
    }
}
