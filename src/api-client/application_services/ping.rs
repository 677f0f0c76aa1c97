//! `POST /appservice/{appserviceId}/ping`: whether this server reaches an application service.

use std::time::Duration;

use axum::extract::State;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_outgoing::{Limits, Outgoing, OutgoingError};
use http::StatusCode;
use ruma::api::{
    client::appservice::request_ping::v1::{Request, Response},
    error::ErrorCode,
};
use serde_json::json;

use super::call;
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
    let url = call::url(&caller, &["ping"]).ok_or_else(|| {
        ApiError::bad_request(ErrorCode::UrlNotSet, "the application service has no address")
    })?;
    let body = match &request.transaction_id {
        Some(transaction) => json!({ "transaction_id": transaction }),
        None => json!({}),
    };
    let headers = call::headers(&caller).map_err(ApiError::internal)?;
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

fn unreachable(error: OutgoingError) -> ApiError {
    let message = error.to_string();
    match error {
        OutgoingError::TimedOut => {
            ApiError::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::ConnectionTimeout, message)
        }
        _ => ApiError::new(StatusCode::BAD_GATEWAY, ErrorCode::ConnectionFailed, message),
    }
}
