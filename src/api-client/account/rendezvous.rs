//! `/rendezvous`: where two devices meet after one has scanned the other's QR code (MSC4108).
//!
//! Nobody is authenticated: the address of a session is a secret that the QR code tells. Where this
//! server does not know under which address clients reach it, it offers no rendezvous.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use hearth_bus::{Bucket, Bus, RENDEZVOUS_PAYLOAD_BYTES_MAX, RendezvousPayload, RendezvousUpdate};
use hearth_http::{ApiError, ClientAddress};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED, PRAGMA,
    },
};
use ruma::{api::error::ErrorCode, http_headers::system_time_to_http_date};
use serde_json::json;

use crate::{Settings, error::Error};

/// Where sessions are opened, and below which they are.
pub(crate) const PATH: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";

/// `POST`: opens a session.
pub(crate) async fn open_rendezvous(
    State(bus): State<Bus>,
    State(settings): State<Arc<Settings>>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let base = settings.client_base_url.as_deref().ok_or_else(ApiError::unrecognized)?;
    bus.rate_limits().check(Bucket::Logins, &address.0.to_string())?;
    let content = read(&headers, body).await?;
    let (id, payload) = bus.rendezvous().open(&content);
    let headers = described(&payload)?;
    let url = format!("{}{PATH}/{id}", base.trim_end_matches('/'));
    let body = axum::Json(json!({ "url": url }));
    Ok((StatusCode::CREATED, headers, body).into_response())
}

/// `GET`: what is in a session, unless the client has it already.
pub(crate) async fn read_rendezvous(
    State(bus): State<Bus>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let payload = bus.rendezvous().read(&id).ok_or_else(over)?;
    let has_it = tag_of(&headers, &IF_NONE_MATCH) == Some(payload.tag.as_str());
    let headers = described(&payload)?;
    if has_it {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let text = [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))];
    Ok((headers, text, payload.content.to_string()).into_response())
}

/// `PUT`: leaves something in a session.
pub(crate) async fn write_rendezvous(
    State(bus): State<Bus>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let content = read(&headers, body).await?;
    let tag = tag_of(&headers, &IF_MATCH);
    let tag = tag.ok_or_else(|| ApiError::missing_param("the header If-Match is missing"))?;
    match bus.rendezvous().write(&id, tag, &content).ok_or_else(over)? {
        RendezvousUpdate::Done(payload) => {
            Ok((StatusCode::ACCEPTED, described(&payload)?).into_response())
        }
        RendezvousUpdate::Conflict(payload) => {
            let message = "somebody else has written to the session";
            let error = ApiError::new(StatusCode::PRECONDITION_FAILED, ErrorCode::Unknown, message);
            let error = error.with("org.matrix.msc4108.errcode", "M_CONCURRENT_WRITE");
            Ok((described(&payload)?, error).into_response())
        }
    }
}

/// `DELETE`: ends a session.
pub(crate) async fn close_rendezvous(
    State(bus): State<Bus>,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    if bus.rendezvous().close(&id) { Ok(StatusCode::NO_CONTENT) } else { Err(over().into()) }
}

fn over() -> ApiError {
    ApiError::not_found("there is no such rendezvous session")
}

/// The tag in a header; quotes do not matter, and neither does a mark for weakness.
fn tag_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim_start_matches("W/").trim_matches('"'))
}

fn described(payload: &RendezvousPayload) -> Result<[(HeaderName, HeaderValue); 5], ApiError> {
    let date = |unix_ms| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms);
        system_time_to_http_date(&time).map_err(ApiError::internal)
    };
    let tag = HeaderValue::try_from(format!("\"{}\"", payload.tag));
    Ok([
        (ETAG, tag.map_err(ApiError::internal)?),
        (EXPIRES, date(payload.expires_ms)?),
        (LAST_MODIFIED, date(payload.modified_ms)?),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ])
}

async fn read(headers: &HeaderMap, body: Body) -> Result<String, ApiError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.ok_or_else(|| ApiError::missing_param("Content-Type is missing"))?;
    if kind.split(';').next().map(str::trim) != Some("text/plain") {
        return Err(ApiError::invalid_param("Content-Type must be text/plain"));
    }
    let bytes = to_bytes(body, RENDEZVOUS_PAYLOAD_BYTES_MAX).await.map_err(|_| {
        ApiError::too_large(format!("more than {RENDEZVOUS_PAYLOAD_BYTES_MAX} bytes"))
    })?;
    String::from_utf8(bytes.into()).map_err(|_| ApiError::invalid_param("the payload is not UTF-8"))
}
