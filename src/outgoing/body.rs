//! Reading an answer within its bounds.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use reqwest::Response;

use crate::{OutgoingError, fetch::classify, limits::HEADER_BYTES_MAX};

/// Refuses headers that are larger than [`HEADER_BYTES_MAX`] in all.
pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), OutgoingError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADER_BYTES_MAX { Err(OutgoingError::TooLarge) } else { Ok(()) }
}

/// The whole body, if it has at most `bytes_max`. What says that it has more is not read at all.
pub(crate) async fn read(mut answer: Response, bytes_max: u64) -> Result<Bytes, OutgoingError> {
    if answer.content_length().is_some_and(|bytes| bytes > bytes_max) {
        return Err(OutgoingError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(classify)? {
        if (body.len() + chunk.len()) as u64 > bytes_max {
            return Err(OutgoingError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The first `bytes_max` bytes of the body, or all of it.
pub(crate) async fn read_start(
    mut answer: Response,
    bytes_max: u64,
) -> Result<Bytes, OutgoingError> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    while body.len() < bytes_max {
        let Some(chunk) = answer.chunk().await.map_err(classify)? else {
            break;
        };
        body.extend_from_slice(&chunk);
    }
    body.truncate(bytes_max);
    Ok(body.freeze())
}
