//! Reading a JSON body within limits of size, time and depth.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hearth_base::limits::{JSON_DEPTH_MAX, REQUEST_BODY_BYTES_MAX};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ruma::api::error::ErrorCode;

use crate::ApiError;

/// Longest time that a client may take for a JSON body.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// The whole body. An empty one is an empty object: clients leave it out where nothing is required.
///
/// # Errors
/// It is too large, too slow, too deep, not whole or not UTF-8.
pub async fn read_json(body: Body) -> Result<Bytes, ApiError> {
    let bytes = read_body(body).await?;
    Ok(if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes })
}

/// As [`read_json`], where something has to be there.
///
/// # Errors
/// As [`read_json`].
pub async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    let limited = Limited::new(body, REQUEST_BODY_BYTES_MAX);
    let collected = tokio::time::timeout(BODY_TIME_MAX, limited.collect()).await;
    let collected = collected.map_err(|_| {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Unknown, "the body came too slowly")
    })?;
    let bytes = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::too_large(format!("the body is over {REQUEST_BODY_BYTES_MAX} bytes"))
        } else {
            ApiError::bad_request(ErrorCode::NotJson, "the body did not arrive whole")
        }
    })?;
    let bytes = bytes.to_bytes();
    check_encoding(&bytes)?;
    check_depth(&bytes)?;
    Ok(bytes)
}

/// Refuses what is not UTF-8. The parser does not look into strings that it passes over.
fn check_encoding(json: &[u8]) -> Result<(), ApiError> {
    match std::str::from_utf8(json) {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::bad_request(ErrorCode::NotJson, "the body is not UTF-8")),
    }
}

/// Refuses nesting deeper than [`JSON_DEPTH_MAX`]. Whether it is JSON at all the parser finds out.
fn check_depth(json: &[u8]) -> Result<(), ApiError> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return Err(ApiError::bad_json(format!("nested deeper than {JSON_DEPTH_MAX} levels")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_absent_body_is_an_empty_object() {
        assert_eq!(read_json(Body::empty()).await.unwrap(), "{}");
    }

    #[tokio::test]
    async fn a_large_body_is_refused() {
        let body = Body::from(vec![b' '; REQUEST_BODY_BYTES_MAX + 1]);
        let error = read_json(body).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(error.code(), Some(&ErrorCode::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_is_not_utf_8_is_not_json() {
        let body = Body::from(&b"{\"name\":\"\xff\"}"[..]);
        let error = read_json(body).await.unwrap_err();
        assert_eq!(error.code(), Some(&ErrorCode::NotJson));
    }

    #[test]
    fn depth_counts_outside_of_strings() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(check_depth(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
        assert!(check_depth(nested(JSON_DEPTH_MAX + 1).as_bytes()).is_err());
        let text = format!(r#"{{"a":"\"{}"}}"#, "[".repeat(JSON_DEPTH_MAX + 1));
        assert!(check_depth(text.as_bytes()).is_ok());
    }
}
