//! The requests that ruma does not have, since they are deprecated or have two meanings.

use ruma::{
    OwnedEventId, OwnedRoomId, UInt,
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::{
            peeking::{get_current_state, listen_to_new_events},
            room::get_room_event,
        },
        error::DeserializationError,
    },
    metadata,
};
use serde::{Deserialize, de::DeserializeOwned};

/// `GET /initialSync`.
#[derive(Deserialize)]
pub(crate) struct InitialSync {
    /// Most messages of each room.
    pub(super) limit: Option<UInt>,
    /// Whether the rooms that the user left are wanted too.
    #[serde(default)]
    pub(super) archived: bool,
}

/// `GET /events`, of the user's rooms or of the one that is named.
#[derive(Deserialize)]
pub(crate) struct Events {
    /// From where.
    pub(super) from: Option<String>,
    /// How long to wait in milliseconds.
    pub(super) timeout: Option<UInt>,
    /// The room to look into.
    pub(super) room_id: Option<OwnedRoomId>,
}

/// `GET /events/{eventId}`.
pub(crate) struct OneEvent(pub(super) OwnedEventId);

metadata! {
    @for InitialSync,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/v3/initialSync",
}

metadata! {
    @for Events,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/v3/events",
}

metadata! {
    @for OneEvent,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/v3/events/{event_id}",
}

type Refusal<R> = <R as IncomingRequest>::EndpointError;

impl IncomingRequest for InitialSync {
    type EndpointError = Refusal<get_current_state::v3::Request>;
    type OutgoingResponse = get_current_state::v3::Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        _: &[&str],
    ) -> Result<Self, DeserializationError> {
        query(&request)
    }
}

impl IncomingRequest for Events {
    type EndpointError = Refusal<listen_to_new_events::v3::Request>;
    type OutgoingResponse = listen_to_new_events::v3::Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        _: &[&str],
    ) -> Result<Self, DeserializationError> {
        query(&request)
    }
}

impl IncomingRequest for OneEvent {
    type EndpointError = Refusal<get_room_event::v3::Request>;
    type OutgoingResponse = get_room_event::v3::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let event_id: String = path_args.iter().copied().collect();
        Ok(Self(event_id.try_into()?))
    }
}

fn query<T: DeserializeOwned>(request: &http::Request<&[u8]>) -> Result<T, DeserializationError> {
    Ok(serde_html_form::from_str(request.uri().query().unwrap_or_default())?)
}
