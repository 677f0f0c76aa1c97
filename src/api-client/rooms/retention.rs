//! `GET /retention/configuration`: how long this server keeps messages (MSC1763).

use std::sync::Arc;

use axum::{Json, extract::State};
use hearth_http::Ruma;
use ruma::{
    api::{
        IncomingRequest, auth_scheme::AccessToken,
        client::discovery::get_capabilities::v3::Request as OtherRequest,
        error::DeserializationError,
    },
    metadata,
};
use serde_json::{Map, Value, json};

use crate::Settings;

/// The request, which has no arguments. ruma's own comes with a feature that gives the state event
/// another name.
pub(crate) struct Request;

metadata! {
    @for Request,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/unstable/org.matrix.msc1763/retention/configuration",
}

impl IncomingRequest for Request {
    type EndpointError = <OtherRequest as IncomingRequest>::EndpointError;
    type OutgoingResponse = <OtherRequest as IncomingRequest>::OutgoingResponse;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        _: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(Self)
    }
}

pub(crate) async fn retention_configuration(
    State(settings): State<Arc<Settings>>,
    _: Ruma<Request>,
) -> Json<Value> {
    let Some(retention) = settings.retention else {
        return Json(json!({ "policies": {}, "limits": {} }));
    };
    let mut policies = Map::new();
    if let Some(max_lifetime) = retention.default_max_lifetime_ms {
        policies.insert("*".to_owned(), json!({ "max_lifetime": max_lifetime }));
    }
    let mut bounds = Map::new();
    let lowest = retention.lowest_max_lifetime_ms.map(|ms| ("min".to_owned(), ms.into()));
    let highest = retention.highest_max_lifetime_ms.map(|ms| ("max".to_owned(), ms.into()));
    bounds.extend(lowest.into_iter().chain(highest));
    let limits = if bounds.is_empty() { json!({}) } else { json!({ "max_lifetime": bounds }) };
    Json(json!({ "policies": policies, "limits": limits }))
}
