//! `POST /appservice/{appserviceId}/ping`: whether this server reaches an application service.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use hearth_accounts::ApplicationService;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_outgoing::{Limits, Outgoing, OutgoingError};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, InvalidHeaderValue},
};
use ruma::api::{
    client::appservice::request_ping::v1::{Request, Response},
    error::ErrorCode,
};
use serde_json::json;
use url::Url;

use crate::error::Error;

/// How much of a ping's answer is read, and how long it may take.
const PING_LIMITS: Limits =
    Limits { body_bytes_max: 16 * 1024, time_max: Duration::from_secs(20), redirects_max: 0 };

pub(crate) async fn ping(
    State(outgoing): State<Outgoing>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    if caller.id() != request.appservice_id {
        return Err(ApiError::forbidden("this is another application service's").into());
    }
    let url = ping_url(&caller).ok_or_else(|| {
        ApiError::bad_request(ErrorCode::UrlNotSet, "the application service has no address")
    })?;
    let body = match &request.transaction_id {
        Some(transaction) => json!({ "transaction_id": transaction }),
        None => json!({}),
    };
    let headers = authorization(&caller).map_err(ApiError::internal)?;
    let body = body.to_string().into();
    let began = tokio::time::Instant::now();
    let answer = outgoing.configured().post_json(&url, body, headers, PING_LIMITS).await;
    let duration = began.elapsed();
    let answer = answer.map_err(unreachable)?;
    if !answer.status.is_success() {
        let message = format!("the application service answered {}", answer.status);
        let error = ApiError::new(StatusCode::BAD_GATEWAY, ErrorCode::BadStatus, message);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(error.with("status", answer.status.as_u16()).with("body", body).into());
    }
    Ok(RumaResponse(Response::new(duration)))
}

fn ping_url(service: &Arc<ApplicationService>) -> Option<Url> {
    let base = service.registration.url.as_deref()?;
    format!("{}/_matrix/app/v1/ping", base.trim_end_matches('/')).parse().ok()
}

fn authorization(service: &Arc<ApplicationService>) -> Result<HeaderMap, InvalidHeaderValue> {
    let token = HeaderValue::try_from(format!("Bearer {}", service.registration.hs_token))?;
    Ok(HeaderMap::from_iter([(AUTHORIZATION, token)]))
}

fn unreachable(error: OutgoingError) -> ApiError {
    let message = error.to_string();
    match error {
        OutgoingError::TimedOut => {
            ApiError::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::ConnectionTimeout, message)
        }
        _ => ApiError::new(StatusCode::BAD_GATEWAY, ErrorCode::ConnectionFailed, message),
    }
}
